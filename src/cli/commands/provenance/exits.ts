/** Exit codes that several commands of the family have. */

/** Of commands that ask git for the state of the code. */
export const noStateExit: Readonly<Record<number, string>> = {
  7: 'Git cannot tell the state: no repository, a bare one, one of another owner, or no git.',
};

/** Of commands that read stamps. */
export const readExit: Readonly<Record<number, string>> = {
  3: 'There is no stamp.',
  6: 'The file or its stamp is damaged, contradicts itself, or is of a newer kind.',
  9: 'A file could not be read.',
};

/** Of commands that change checkpoints. */
export const writeExit: Readonly<Record<number, string>> = {
  6: 'The file or its stamp is damaged, contradicts itself, or is of a newer kind.',
  8: 'The file is a link, has several names, is signed, or changed meanwhile.',
  9: 'A file could not be read or written.',
};
