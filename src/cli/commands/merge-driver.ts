/** `git theta merge-driver`: what git runs for checkpoints. `bin/git-theta.js` starts it without the command line. */
import { main } from '../../merge/driver';
import { defineCommand } from '../command';

export const command = defineCommand<Record<string, never>>({
  description: `The driver that \`git theta install\` writes to \`merge.theta.driver\`; git runs it where both sides of a merge have changed a
checkpoint. It merges manifests, reads no tensor, and prints nothing on standard output.

The merged manifest replaces the version of ours. Where both sides changed the same tensor, ours stays, the conflict is explained on
standard error, and the exit code is 1.`,
  arguments: [
    { name: 'base', required: true, summary: 'File with the version of the common ancestor (%O).' },
    { name: 'ours', required: true, summary: 'File with our version; takes the result (%A).' },
    { name: 'theirs', required: true, summary: 'File with their version (%B).' },
    { name: 'size', required: true, summary: 'Size of conflict markers (%L).' },
    { name: 'path', required: true, summary: 'Path of the checkpoint in the repository (%P).' },
  ],
  exitStatus: { 1: 'Both sides changed the same thing.' },
  seeAlso: ['merge', 'install'],
  passThrough: true,
  run: ({ args }) => main(args),
});
