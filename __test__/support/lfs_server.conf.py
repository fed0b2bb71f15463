"""gunicorn settings for the LFS server of the tests (started by lfs-server.ts)."""
import os
import signal
import threading

bind = "127.0.0.1:0"
workers = 2
timeout = 600
graceful_timeout = 1
control_socket_disable = True


def when_ready(server):
    """Says which port the system gave us, and stops when the test process is gone.

    Standard input is a pipe from the test process. It closes however that process ends, so no
    server is left behind even when the tests are killed.
    """
    print("port", server.LISTENERS[0].sock.getsockname()[1], flush=True)

    def watch():
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
