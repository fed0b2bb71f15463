/** The answering script as node can run it: compiled into a temporary folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { folder, write } from '../git/tmp';

const source = join(__dirname, '../../../src');

/** Path of the compiled `answer.js`, with the modules that it needs beside it. */
export function compiledAnswer(): string {
  const out = folder();
  for (const file of ['errors.ts', 'git/pkt-line.ts', 'lfs/pointer.ts', 'store/answer.ts']) {
    const { code } = transformSync(readFileSync(join(source, file), 'utf8'), {
      jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
      module: { type: 'commonjs' },
    });
    write(out, file.replace(/ts$/, 'js'), code);
  }
  return join(out, 'store/answer.js');
}
