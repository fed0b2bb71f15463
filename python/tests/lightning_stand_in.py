"""What Lightning does with callbacks around a checkpoint, without torch.

A ``Trainer`` of three generations: "1.6" hands the callback's state to ``on_load_checkpoint``, "1.8" the
whole checkpoint, "2.5" also when it does not fit. A checkpoint is a pickled dict.
"""

import copy
import pickle
from types import SimpleNamespace

GENERATIONS = ["1.6", "1.8", "2.5"]


class Trainer:
    def __init__(self, callback, generation="2.5", log_dir=None, rank=0):
        self.callbacks = [callback]
        self.generation = generation
        self.is_global_zero = rank == 0
        self.state = SimpleNamespace(fn=None)
        self.asked_for_log_dir = 0
        self._log_dir = log_dir
        self._checkpoint_connector = SimpleNamespace(_loaded_checkpoint={})

    @property
    def log_dir(self):
        self.asked_for_log_dir += 1
        return self._log_dir

    def run(self, function, ckpt_path=None, during=None):
        """One call of fit, validate, test or predict; ``during`` stands for the work."""
        self.state.fn = SimpleNamespace(value=function)
        for callback in self.callbacks:
            callback.setup(self, None, stage=function)
        if ckpt_path is not None:
            self._restore(pickle.loads(ckpt_path.read_bytes()), function)
        if function == "fit":
            for callback in self.callbacks:
                callback.on_fit_start(self, None)
        self._checkpoint_connector._loaded_checkpoint = {}
        return during() if during else None

    def _restore(self, checkpoint, function):
        self._checkpoint_connector._loaded_checkpoint = checkpoint
        if function != "fit" and self.generation != "2.5":
            return
        states = checkpoint.get("callbacks")
        if states is None:
            return
        for callback in self.callbacks:
            state = states.get(callback.state_key, states.get(type(callback)))
            if self.generation != "1.6":
                callback.on_load_checkpoint(self, None, checkpoint)
            elif state:
                callback.on_load_checkpoint(self, None, copy.deepcopy(state))
        for callback in self.callbacks:
            state = states.get(callback.state_key, states.get(type(callback)))
            if state:
                callback.load_state_dict(copy.deepcopy(state))

    def save(self, path, weights_only=False):
        checkpoint = {"pytorch-lightning_version": self.generation + ".0", "state_dict": {"w": 1}}
        if not weights_only:
            states = {callback.state_key: callback.state_dict() for callback in self.callbacks}
            checkpoint["callbacks"] = {key: state for key, state in states.items() if state}
            for callback in self.callbacks:
                # Lightning 1.8 refuses a return value, others store it or drop it.
                assert callback.on_save_checkpoint(self, None, checkpoint) is None
        path.write_bytes(pickle.dumps(checkpoint, protocol=2))
        return checkpoint
