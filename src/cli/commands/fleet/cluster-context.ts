/** The surroundings of work on one cluster among others: its lines carry its name, and its result is kept for the whole. */
import { Writable } from 'node:stream';
import type { Context } from '../../context.ts';
import { createOutput, type Output } from '../../output/output.ts';

/** What such work left in the place of standard output. */
export interface KeptResult {
  readonly document: object;
  readonly lines: readonly string[];
}

/** A context for `cluster`, and what its result was once there is one. */
export function clusterContext(
  context: Context,
  cluster: string,
): { readonly context: Context; readonly result: () => KeptResult | undefined } {
  const { output } = context;
  const isEvents = output.progress === 'json';
  const mark = (line: string): string => {
    if (line === '') return line;
    return isEvents && line.startsWith('{"') ? `{"cluster":"${cluster}",${line.slice(1)}` : `${cluster}: ${line}`;
  };
  const stderr = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _, done) => {
      const lines = chunk.toString().split('\n');
      context.stderr.write(lines.map(mark).join('\n'));
      done();
    },
  });
  let kept: KeptResult | undefined;
  const own: Output = {
    ...createOutput({ stdout: stderr, stderr }, output),
    result: (document, lines) => {
      kept = { document, lines };
    },
  };
  // Bars of several clusters would be drawn over each other.
  return { context: { ...context, stderr, isTTY: false, output: own }, result: () => kept };
}
