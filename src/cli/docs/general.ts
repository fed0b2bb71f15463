/** The text of git-theta(1) that belongs to no command. */
import type { Term } from './markup';

/** What git-theta is, in the order in which a reader needs it. */
export const OVERVIEW = `git-theta lets git version machine-learning checkpoints tensor by tensor. In
the work tree \`model.pt\` is the checkpoint, byte for byte. In git it is a manifest: a text with one
line per tensor that has its name, type, shape and hash. The tensors themselves are Zarr arrays below
\`.git_theta/model.pt/\`, and Git LFS stores and transfers their chunks. A tensor that did not change
is not stored again.

The first steps in a repository:

    git theta install
    git theta track model.pt
    git theta add model.pt
    git commit -m 'First checkpoint'
    git push

After that \`git checkout\`, \`git clone\`, \`git merge\` and the rest of git work as they do for
source code. \`git theta doctor\` checks the set-up and says how to repair it.`;

/** Keys of git's configuration that git-theta reads. */
export const CONFIGURATION: readonly Term[] = [
  {
    term: 'theta.storeLink',
    text: 'How store files in the work tree share space with the objects of Git LFS: auto (the default: whatever the file system has), hard, reflink or copy.',
  },
  {
    term: 'theta.smudgeLimit',
    text: "Size in bytes above which a checkpoint is not written through git's filter, which holds it in memory, but after it by a hook or 'git theta checkout'. Default: a quarter of the machine's memory.",
  },
  {
    term: 'theta.hookLimit',
    text: "Size in bytes above which git checkout, switch, restore and clone leave a checkpoint to the hook post-checkout, which writes it faster and without git's memory. Without our hook, and where the filter cannot tell which command runs it (on systems without /proc), checkpoints go through git's filter. Default: 64 MiB.",
  },
  {
    term: 'theta.relink',
    text: 'Whether the hooks link store files that are copies to the objects of Git LFS. Default: true.',
  },
  {
    term: 'theta.fsync',
    text: 'Whether new objects are flushed to the disk before they are used. Default: false.',
  },
  {
    term: 'theta.provenance.mode',
    text: "What 'git theta provenance check' and 'run' make of uncommitted code: strict fails, relaxed warns. Default: relaxed. Not asked by 'verify'.",
  },
  {
    term: 'theta.provenance.untracked',
    text: "What 'git theta provenance check' and 'run' make of code that git does not know: ignore, warn, or fail, which treats it as uncommitted. Default: warn.",
  },
  {
    term: 'theta.provenance.codePath',
    text: "A file or folder of code, from the top of the repository; may be set more than once. Stamps record its id in the commit, and 'git theta provenance verify --match paths' compares nothing but these. Default: none.",
  },
  {
    term: 'color.theta',
    text: 'Whether output is coloured: auto, always or never. Default: the value of color.ui.',
  },
  { term: 'pager.theta', text: 'Whether, or through what, git shows the output in a pager.' },
];

/** Environment variables that git-theta reads. */
export const ENVIRONMENT: readonly Term[] = [
  { term: 'GIT_THETA_TRACE', text: '1 shows the stack trace of an error.' },
  {
    term: 'GIT_THETA_PROGRESS',
    text: '1 shows progress although standard error is no terminal, 0 never shows it.',
  },
  {
    term: 'GIT_THETA_GIT_COMMIT, GIT_THETA_GIT_BRANCH, GIT_THETA_GIT_DIRTY',
    text: 'The commit of the code where there is no repository, such as in a container image; its branch; 1 or 0, whether the code differs from it.',
  },
  {
    term: 'GIT_LFS_SKIP_SMUDGE',
    text: '1 leaves checkpoints in the work tree as manifests instead of fetching their objects.',
  },
  {
    term: 'SOURCE_DATE_EPOCH',
    text: 'Seconds since 1970: the time in stamps and of snapshots, for builds that are to be the same.',
  },
  { term: 'NO_COLOR, FORCE_COLOR', text: 'Switch colour off or on, whatever git is told.' },
];

/** Files that matter to a user. */
export const FILES: readonly Term[] = [
  { term: '.gitattributes', text: "Two lines for each checkpoint, written by 'git theta track'." },
  {
    term: '.git_theta/',
    text: 'The tensors of the checkpoints, as Zarr groups. Stored with Git LFS.',
  },
];
