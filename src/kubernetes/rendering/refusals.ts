/** Why a chart is not rendered: Helm's words, or the limit it went over. */
import { UsageError } from '../../errors.ts';
import type { RenderLimits, RenderRequest } from './chart-renderer.ts';

/** Of what Helm says, which holds parts of the chart: of its start and of its end, where the reason is. */
const HALF_CHARACTERS = 2_000;
const MAX_LINES = 40;

/** For what Helm would refuse to install. */
export function refusedByHelm({ shownAs }: RenderRequest, words: string): UsageError {
  const [first = '', ...rest] = shorten(words.trim())
    .split('\n')
    .slice(0, MAX_LINES)
    .map((line) => line.replaceAll(/\p{Cc}+/gu, ' ').trimEnd());
  return new UsageError('INVALID_SPEC', `${shownAs}: Helm refuses to render this chart: ${first}`, {
    items: rest,
    hint: 'fix the chart or the values it is given; `helm template` with the same values says the same',
  });
}

function shorten(words: string): string {
  if (words.length <= 2 * HALF_CHARACTERS) return words;
  return `${words.slice(0, HALF_CHARACTERS)} … ${words.slice(-HALF_CHARACTERS)}`;
}

/** For a chart that takes more than it may. */
export function overLimit(
  { shownAs }: RenderRequest,
  limits: RenderLimits,
  limit: 'time' | 'memory' | 'output',
): UsageError {
  const MiB = 1024 * 1024;
  const over = {
    time: `takes longer than ${limits.timeoutMs / 1000} s`,
    memory: `takes more than ${Math.floor(limits.maxMemoryBytes / MiB)} MiB of memory`,
    output: `renders to more than ${Math.floor(limits.maxOutputBytes / MiB)} MiB`,
  }[limit];
  return new UsageError('INVALID_SPEC', `${shownAs}: rendering this chart ${over}`, {
    hint: 'look for a loop in its templates or for a value that makes them repeat; no chart of the field comes near',
    details: { limit },
  });
}
