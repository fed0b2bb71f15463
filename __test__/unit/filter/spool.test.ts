import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from '../../../src/filter/spool';

test.each([0, 5, 10, 11, 3_000_000])('%d bytes come back, and nothing is left', (size) => {
  const dir = mkdtempSync(join(tmpdir(), 'git-theta-spool-'));
  try {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i % 253));
    const spool = new Spool(() => dir, 10);
    for (let at = 0; at < size; at += 7000) {
      const piece = Buffer.from(bytes.subarray(at, at + 7000));
      spool.write(piece);
      // The caller reads the next piece into the same memory.
      piece.fill(0);
    }
    expect(readdirSync(dir).length).toBe(size > 10 ? 1 : 0);
    expect(spool.size).toBe(size);
    expect(spool.toBuffer().equals(bytes)).toBe(true);
    expect(spool.toBuffer().equals(bytes)).toBe(true);
    spool.discard();
    expect(readdirSync(dir)).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
