/** What clients of registries do, in words and as events, for `--verbose`. */
import type { RegistryListener } from '../../stores/registry/registry-listener.ts';
import { formatDuration } from '../../report/format.ts';
import type { Output } from './output.ts';

/** A listener that says everything with `--verbose`, and none without. */
export function listenTo(output: Output): RegistryListener | undefined {
  if (!output.verbose || output.quiet) return undefined;
  return {
    onRequest: ({ method, url, status, bytesIn, bytesOut, durationMs }) => {
      const ms = Math.round(durationMs);
      const answer = status === 0 ? 'no answer' : `${status}`;
      output.detail(`${method} ${url} ${answer} ${ms} ms, ${bytesIn} bytes in, ${bytesOut} out`, {
        ...{ event: 'request', method, url, status, ms, bytesIn, bytesOut },
      });
    },
    onRetry: (error, delayMs) => {
      const why = error instanceof Error ? error.message : String(error);
      const ms = Math.round(delayMs);
      output.detail(`asking again in ${formatDuration(delayMs)}: ${why}`, {
        event: 'request-retrying',
        delayMs: ms,
        error: why,
      });
    },
    onDecision: (line) => output.detail(line, { event: 'decided', message: line }),
  };
}
