/**
 * The table of commands: name, group, one-line summary, and how to load the definition.
 *
 * Only the chosen command's module is loaded, so a start costs the same however many there are.
 */
import type { CommandDefinition } from '../command';
import { PROVENANCE } from './provenance/family';

/** The groups of `git theta -h`, in the order in which they are shown. */
export const GROUPS = [
  'Set up',
  'Everyday',
  'Provenance',
  'Transfer',
  'Repair',
  'Plumbing',
] as const;

/** Commands that share a first word: `git theta provenance stamp`. */
export interface CommandFamily {
  /** The first word. */
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  /** As that of a command. */
  readonly summary: string;
  /** The manual's text, as that of a command. */
  readonly description: string;
}

/** One row of the table. */
export interface CommandEntry {
  /** One word, or two of which the first is that of a family. */
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  /** Imperative, no full stop; shown in help, completion and the manual's NAME section. */
  readonly summary: string;
  load(): Promise<{ readonly command: CommandDefinition }>;
}

/** All families. */
export const FAMILIES: readonly CommandFamily[] = [
  {
    name: 'provenance',
    group: 'Provenance',
    summary: 'Tell who made a model and with which code, and check it',
    description: PROVENANCE,
  },
];

/** All commands, in the order of their groups. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'install',
    group: 'Set up',
    summary: 'Configure git to use git-theta and Git LFS',
    load: () => import('./install'),
  },
  {
    name: 'uninstall',
    group: 'Set up',
    summary: "Remove git-theta's configuration and hooks",
    load: () => import('./uninstall'),
  },
  {
    name: 'track',
    group: 'Set up',
    summary: 'Let git-theta version a checkpoint, or list what it versions',
    load: () => import('./track'),
  },
  {
    name: 'untrack',
    group: 'Set up',
    summary: 'Stop versioning a checkpoint with git-theta',
    load: () => import('./untrack'),
  },
  {
    name: 'add',
    group: 'Everyday',
    summary: 'Stage checkpoints tensor by tensor',
    load: () => import('./add'),
  },
  {
    name: 'status',
    group: 'Everyday',
    summary: 'Show changed checkpoints and how many tensors changed',
    load: () => import('./status'),
  },
  {
    name: 'ls-files',
    group: 'Everyday',
    summary: 'List checkpoints and their tensors',
    load: () => import('./ls-files'),
  },
  {
    name: 'inspect',
    group: 'Everyday',
    summary: 'Show what is in a checkpoint file',
    load: () => import('./inspect'),
  },
  {
    name: 'checkout',
    group: 'Everyday',
    summary: 'Write checkpoints that were left as manifests',
    load: () => import('./checkout'),
  },
  {
    name: 'merge',
    group: 'Everyday',
    summary: 'Finish or undo a merge that stopped at a checkpoint',
    load: () => import('./merge'),
  },
  {
    name: 'provenance status',
    group: 'Provenance',
    summary: 'Show which code is here, and whether it is committed',
    load: () => import('./provenance/status'),
  },
  {
    name: 'provenance check',
    group: 'Provenance',
    summary: 'Insist on committed code before training',
    load: () => import('./provenance/check'),
  },
  {
    name: 'provenance run',
    group: 'Provenance',
    summary: 'Train with committed code, and stamp the checkpoints',
    load: () => import('./provenance/run'),
  },
  {
    name: 'provenance stamp',
    group: 'Provenance',
    summary: 'Write into checkpoints which code made them',
    load: () => import('./provenance/stamp'),
  },
  {
    name: 'provenance read',
    group: 'Provenance',
    summary: 'Show which code made a checkpoint',
    load: () => import('./provenance/read'),
  },
  {
    name: 'provenance verify',
    group: 'Provenance',
    summary: 'Check that a checkpoint fits the code that is here',
    load: () => import('./provenance/verify'),
  },
  {
    name: 'provenance unstamp',
    group: 'Provenance',
    summary: 'Take the stamp out of checkpoints, byte for byte',
    load: () => import('./provenance/unstamp'),
  },
  {
    name: 'provenance trace',
    group: 'Provenance',
    summary: 'Find the code that made a checkpoint, and what changed since',
    load: () => import('./provenance/trace'),
  },
  {
    name: 'provenance diff',
    group: 'Provenance',
    summary: 'Compare the code and content of two checkpoints by their stamps',
    load: () => import('./provenance/diff'),
  },
  {
    name: 'provenance snapshot',
    group: 'Provenance',
    summary: 'Keep uncommitted code as a commit beside the branches',
    load: () => import('./provenance/snapshot'),
  },
  {
    name: 'provenance restore',
    group: 'Provenance',
    summary: 'Have the code of a snapshot in a folder of its own',
    load: () => import('./provenance/restore'),
  },
  {
    name: 'provenance lightning-callback',
    group: 'Provenance',
    summary: 'Print a callback for PyTorch Lightning',
    load: () => import('./provenance/lightning-callback'),
  },
  {
    name: 'provenance sign',
    group: 'Provenance',
    summary: 'Sign a model with a key or a certificate',
    load: () => import('./provenance/sign'),
  },
  {
    name: 'provenance verify-signature',
    group: 'Provenance',
    summary: "Check a model's signature and that its files are the signed ones",
    load: () => import('./provenance/verify-signature'),
  },
  {
    name: 'provenance keygen',
    group: 'Provenance',
    summary: 'Make a key pair for signing models',
    load: () => import('./provenance/keygen'),
  },
  {
    name: 'fetch',
    group: 'Transfer',
    summary: 'Download the objects that checkpoints need',
    load: () => import('./fetch'),
  },
  {
    name: 'pull',
    group: 'Transfer',
    summary: 'Pull, and complete the checkpoints in the work tree',
    load: () => import('./pull'),
  },
  {
    name: 'push',
    group: 'Transfer',
    summary: 'Upload and check the objects, then push',
    load: () => import('./push'),
  },
  {
    name: 'doctor',
    group: 'Repair',
    summary: 'Check the set-up and say how to repair it',
    load: () => import('./doctor'),
  },
  {
    name: 'env',
    group: 'Repair',
    summary: 'Show versions and configuration, for bug reports',
    load: () => import('./env'),
  },
  {
    name: 'fsck',
    group: 'Repair',
    summary: 'Check that every checkpoint can be rebuilt',
    load: () => import('./fsck'),
  },
  {
    name: 'prune',
    group: 'Repair',
    summary: 'Delete local copies of old objects, but none that is needed',
    load: () => import('./prune'),
  },
  {
    name: 'dedup',
    group: 'Repair',
    summary: 'Let tensor files in the work tree share their space with the objects',
    load: () => import('./dedup'),
  },
  {
    name: 'hook',
    group: 'Plumbing',
    summary: 'Run the part of a hook that git-theta has',
    load: () => import('./hook'),
  },
  {
    name: 'merge-driver',
    group: 'Plumbing',
    summary: 'Merge the manifests of a checkpoint for git',
    load: () => import('./merge-driver'),
  },
  {
    name: 'completion',
    group: 'Plumbing',
    summary: 'Print a completion script for a shell',
    load: () => import('./completion'),
  },
  {
    name: 'help',
    group: 'Plumbing',
    summary: 'Show the manual of a command',
    load: () => import('./help'),
  },
  {
    name: 'version',
    group: 'Plumbing',
    summary: 'Print the version',
    load: () => import('./version'),
  },
];

/** The row of a command, or nothing when there is no such command. */
export function findCommand(name: string): CommandEntry | undefined {
  return COMMANDS.find((entry) => entry.name === name);
}

/** A family, or nothing when there is none of this name. */
export function findFamily(name: string): CommandFamily | undefined {
  return FAMILIES.find((family) => family.name === name);
}

/** The commands of a family, in the table's order. */
export function membersOf(family: CommandFamily): CommandEntry[] {
  return COMMANDS.filter((entry) => entry.name.startsWith(`${family.name} `));
}

/** The command that the first words of a command line name. */
export function commandOf(argv: readonly string[]): CommandEntry | undefined {
  const words = findFamily(argv[0] ?? '') ? 2 : 1;
  return argv.length < words ? undefined : findCommand(argv.slice(0, words).join(' '));
}

/** What the help of a group lists: its commands of one word, and its families. */
export function rowsOf(group: string): { readonly name: string; readonly summary: string }[] {
  return [...FAMILIES, ...COMMANDS].filter((row) => row.group === group && !row.name.includes(' '));
}
