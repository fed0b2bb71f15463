/** Exit codes that several commands of the family have. */

/** Of commands that ask git for the state of the code. */
export const noStateExit: Readonly<Record<number, string>> = {
  7: 'Git cannot tell the state: no repository, a bare one, one of another owner, or no git.',
};
