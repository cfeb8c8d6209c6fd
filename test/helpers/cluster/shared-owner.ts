/** Of a run: one cluster for all files that ask for one. Nothing starts before the first asks; all ends with the run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { clusterTools } from './cluster-tools.ts';
import { startClusterIn, type ClusterFiles, type RunningCluster } from './running-cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The socket at which the cluster of the run is asked for. */
    clusterSocket: string;
  }
}

/** What is answered: the cluster, or why there is none. */
export type SharedAnswer = { readonly files: ClusterFiles } | { readonly error: string };

/** Listens for tests that want the cluster, which is this process's child: however the run ends, so does it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-cluster-'));
  let started: Promise<RunningCluster> | undefined;
  const open = async (): Promise<SharedAnswer> => {
    try {
      const tools = clusterTools();
      if (tools === undefined) return { error: 'there are no programs of a control plane' };
      started ??= startClusterIn(tools, join(folder, 'shared'));
      return { files: (await started).files };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    void open().then((answer) => socket.end(JSON.stringify(answer)));
  });
  const path = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  server.unref();
  provide('clusterSocket', path);
  return async () => {
    server.close();
    await (await started?.catch(() => undefined))?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
