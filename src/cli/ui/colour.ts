/**
 * Colour, decided once per stream.
 *
 * `NO_COLOR` (not empty) switches it off, `FORCE_COLOR` on (`0` and `false`: off), otherwise git
 * decides as for its own commands: `color.theta`, then `color.ui`, then whether it is a terminal.
 */
import { spawnSync } from 'node:child_process';
import { styleText } from 'node:util';

/** The few styles in use; what they mean is in git's habits: red wrong, yellow doubtful. */
export type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** Paints text, or returns it unchanged when the stream gets no colour. */
export interface Palette {
  readonly enabled: boolean;
  paint(style: Style, text: string): string;
}

interface Terminal {
  readonly isTTY?: boolean;
}

const known = new WeakMap<Terminal, Palette>();

function gitAllows(isTerminal: boolean): boolean {
  // git itself reads color.theta, falls back to color.ui and knows "auto" and "always".
  const answer = spawnSync('git', ['config', '--get-colorbool', 'color.theta', `${isTerminal}`], {
    encoding: 'utf8',
    env: process.env,
    stdio: ['ignore', 'pipe', 'ignore'],
    windowsHide: true,
  });
  return answer.status === null ? isTerminal : answer.stdout.trim() === 'true';
}

/** Whether a stream gets colour in this environment. */
export function usesColour(stream: Terminal, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env.TERM === 'dumb') return false;
  return gitAllows(stream.isTTY === true);
}

/** The palette of a stream. The decision is made at the first call. */
export function colours(stream: Terminal): Palette {
  let palette = known.get(stream);
  if (!palette) {
    const enabled = usesColour(stream);
    palette = { enabled, paint: (style, text) => (enabled ? styleText(style, text) : text) };
    known.set(stream, palette);
  }
  return palette;
}
