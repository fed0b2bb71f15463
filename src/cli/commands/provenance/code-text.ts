/** How much code changed, and when, in words. */
import type { CodeChanges } from '../../../provenance/trace';
import { count } from '../../ui/format';

/** `2 files changed, 3 lines added, 1 removed`. */
export function codeText({ files, insertions, deletions }: CodeChanges): string {
  if (files === 0) return 'unchanged';
  return `${count(files, 'file')} changed, ${count(insertions, 'line')} added, ${deletions} removed`;
}

/** Seconds since 1970 as a date; nothing for what is none. */
export function dayOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().replace('.000', '');
}
