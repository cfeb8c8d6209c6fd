/** `airgap registry`: the embedded registry, until somebody ends it. */
import { once } from 'node:events';
import { UsageError } from '../../errors.ts';
import { argument, defineCommand, flag, text } from '../command.ts';

const MAX_PORT = 65_535;

export const registry = defineCommand({
  name: 'registry',
  summary: 'serve a directory as an OCI registry until Ctrl-C',
  examples: ['registry ./registry', 'registry ./registry --listen 127.0.0.1:0'],
  arguments: { directory: argument('directory', 'where everything is kept; made when missing') },
  options: {
    listen: text('--listen <host:port>', 'address (default: 127.0.0.1:5000; port 0 is any free one)'),
    allowNonLoopback: flag('--allow-non-loopback', 'listen where other machines can reach it: no TLS, no passwords'),
    allowDelete: flag('--allow-delete', 'take DELETE of blobs, manifests and tags'),
    acceptSparseIndexes: flag('--accept-sparse-indexes', 'take indexes of which not all platforms are there'),
  },
  async run({ output, signal, stdout }, { directory }, { listen = '127.0.0.1:5000', ...options }) {
    const { startRegistry } = await import('../../server/embedded-registry.ts');
    await using running = await startRegistry({
      directory,
      ...parseAddress(listen),
      ...options,
      onRequest: ({ method, path, status, bytesIn, bytesOut }) =>
        output.detail(`${status} ${method} ${path} in ${bytesIn} out ${bytesOut}`),
      onError: (error) => output.note(`failed: ${error instanceof Error ? error.message : String(error)}`),
    });
    // Whoever started it and no longer hears its address has gone.
    const unheard = new Promise((resolve) => stdout.once('error', resolve));
    output.result({ host: running.host, url: running.url, directory }, [running.host]);
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), unheard]);
  },
});

/** `host:port`, `[::1]:port`. */
function parseAddress(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(digits) <= MAX_PORT) return { host, port: Number(digits) };
  throw new UsageError('USAGE', `--listen: ${listen} is not host:port`, { hint: 'for example 127.0.0.1:5000' });
}
