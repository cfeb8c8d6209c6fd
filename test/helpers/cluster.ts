/**
 * A real Kubernetes for tests: API server, controllers and scheduler on loopback, with fake nodes (kwok) on which pods get
 * ready without a container. One serves a whole run ({@link sharedCluster}), each test with a namespace of its own; a test
 * that stops one, or fills it, starts its own ({@link startCluster}).
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { openClusterApi, type ClusterApi } from './cluster/api.ts';
import { clusterTools } from './cluster/cluster-tools.ts';
import { TOKENS } from './cluster/control-plane.ts';
import {
  startClusterIn,
  type ClusterFiles,
  type ClusterOptions,
  type RunningCluster,
} from './cluster/running-cluster.ts';
import type { SharedAnswer } from './cluster/shared-owner.ts';
import type { ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

export { clusterTools } from './cluster/cluster-tools.ts';
export { messageOf, type ClusterApi, type KubernetesObject } from './cluster/api.ts';
export type { ClusterFiles, ClusterOptions, RunningCluster } from './cluster/running-cluster.ts';

/** A namespace of a test. Disposing of it asks for its deletion, which nobody waits for. */
export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
  /** `/api/v1/namespaces/NAME`, for paths below it. */
  readonly path: string;
}

/** The cluster of a run. */
export interface SharedCluster extends ClusterFiles {
  readonly api: ClusterApi;
}

let shared: Promise<SharedCluster> | undefined;

/**
 * The cluster that all files of a run share, started by the first that asks.
 * @returns undefined, loudly, where its programs are not built
 * @throws Error where they are not built and `AIRGAP_REQUIRE_GO=1` demands them, or when it does not start
 * @example const cluster = (await sharedCluster()) ?? t.skip();
 */
export async function sharedCluster(): Promise<SharedCluster | undefined> {
  if (clusterTools() === undefined) return undefined;
  shared ??= askForCluster();
  return shared;
}

/** A cluster of the test's own; undefined as {@link sharedCluster} says. */
export async function startCluster(options?: ClusterOptions): Promise<RunningCluster | undefined> {
  const tools = clusterTools();
  if (tools === undefined) return undefined;
  return startClusterIn(tools, await mkdtemp(join(tmpdir(), 'airgap-cluster-')), options);
}

/** Makes a namespace whose name starts with `prefix`, and waits until pods can be made in it where anything makes pods. */
export async function makeNamespace(api: ClusterApi, prefix: string): Promise<TestNamespace> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  const path = `/api/v1/namespaces/${name}`;
  await api.applyOk({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const hasNodes = (await api.list('/api/v1/nodes?limit=1')).length > 0;
  if (hasNodes) await api.waitFor(`${path}/serviceaccounts/default`, 'there', () => true);
  const dispose = async (): Promise<void> => {
    await api.request('DELETE', path);
  };
  return { name, path, [Symbol.asyncDispose]: dispose };
}

/** The environment in which `kubectl` and `helm` find this cluster and nothing of the machine's. */
export function clusterEnvironment({ kubeconfig }: ClusterFiles): Readonly<Record<string, string>> {
  const home = dirname(kubeconfig);
  return { KUBECONFIG: kubeconfig, HOME: home, KUBECACHEDIR: join(home, 'kube-cache') };
}

/** Runs the real kubectl as admin. */
export function kubectl(files: ClusterFiles, args: readonly string[], options?: RunOptions): Promise<ProcessResult> {
  return run(toolPath('kubectl'), args, { ...options, env: { ...clusterEnvironment(files), ...options?.env } });
}

async function askForCluster(): Promise<SharedCluster> {
  const answer = JSON.parse(await text(createConnection(inject('clusterSocket')))) as SharedAnswer;
  if ('error' in answer) throw new Error(answer.error);
  return { ...answer.files, api: await openClusterApi(answer.files.server, answer.files.caFile, TOKENS.admin) };
}
