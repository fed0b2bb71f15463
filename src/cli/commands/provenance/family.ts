/** The text of git-theta-provenance(1) that belongs to no single command. */

/** What there is for provenance, in the order in which a reader needs it. */
export const PROVENANCE = `Commands that tell who made a model and with which code, and that it is still what they made.

Before training, insist on committed code. Models are no code: they may differ from the commit.

    git theta provenance status
    git theta provenance check --mode strict && python train.py

Both in one, with a stamp in each checkpoint that the training writes, whatever the framework:

    git theta provenance run --mode strict -- python train.py

A stamp in a checkpoint says which code made it. It can be put into files that exist, is checked where they
are used, and can be taken out again:

    git theta provenance stamp model.ckpt
    git theta provenance read model.ckpt
    git theta provenance verify model.ckpt

A checkpoint leads back to its code, and two of them can be compared. Code that was not committed can be
kept all the same:

    git theta provenance stamp --snapshot model.ckpt
    git theta provenance trace model.ckpt
    git theta provenance diff epoch-3.ckpt epoch-9.ckpt

A stamp that is not signed is a claim of whoever could write the file. It finds mistakes, not attacks.

A signature covers the bytes of a file, or of all files in a folder. It can be made with a key or with a
certificate, is checked without a network, and other tools that follow the OpenSSF Model Signing
specification read it:

    git theta provenance keygen models
    git theta provenance sign model.ckpt --key models
    git theta provenance verify-signature model.ckpt --public-key models.pub

For training with PyTorch Lightning there is a callback that insists on committed code and writes the commit
into checkpoints:

    git theta provenance lightning-callback > git_theta_callback.py`;
