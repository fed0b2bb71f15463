/** Runs a command line in this process and collects what it writes. */
import { main } from '../../../src/cli/program';

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export async function run(...argv: string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text.toString();
      return true;
    }),
  );
  try {
    const code = await main(argv);
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
