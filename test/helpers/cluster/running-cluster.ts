/** Starts and ends clusters: etcd, an API server and, where wanted, what makes pods of objects and lets them get ready. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunningProcess } from '../process.ts';
import { openClusterApi, type ClusterApi } from './api.ts';
import type { ClusterTools } from './cluster-tools.ts';
import {
  apiServerUrl,
  etcdUrl,
  makePlace,
  startApiServer,
  startControllers,
  startEtcd,
  startFakeKubelet,
  TOKENS,
  untilReady,
} from './control-plane.ts';
import { FAKE_NODES, nodeObject, STORAGE_CLASS, type FakeNode } from './fake-nodes.ts';

const FAKE_PODS = fileURLToPath(new URL('./fake-pods.yaml', import.meta.url));

/** What there is to know of a cluster: plain data, which one process can tell another. */
export interface ClusterFiles {
  /** `127.x.y.z`, of this cluster alone. */
  readonly address: string;
  /** `https://127.x.y.z:6443` */
  readonly server: string;
  /** Where etcd is, and under which prefix. */
  readonly etcd: string;
  /** PEM file of the authority that the API server's certificate comes from. */
  readonly caFile: string;
  /** Its contexts are `admin`, who may do everything, `dev` (a token) and `client` (a certificate), who may do nothing. */
  readonly kubeconfig: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** Programs that a test puts here are what `exec` runs in every pod; the test's machine runs them. */
  readonly programs: string;
  /** What every container is said to have written, as a container runtime keeps it: `<time> stdout F <text>`. */
  readonly containerLog: string;
}

/** What a cluster is to be. */
export interface ClusterOptions {
  /** Empty: nothing acts on objects, which are kept and no more. @defaultValue three zones, see fake-nodes.ts */
  readonly nodes?: readonly FakeNode[];
  /** Another cluster whose etcd this one shares, under a prefix of its own: how a fleet costs less. */
  readonly beside?: ClusterFiles;
}

/** A cluster that this process started. */
export interface RunningCluster extends AsyncDisposable {
  readonly files: ClusterFiles;
  readonly api: ClusterApi;
  /** Ends the API server, as a power cut would. */
  stopApiServer(): Promise<void>;
  /** Starts it again at the same address, and waits until it is ready. */
  startApiServer(): Promise<void>;
  /** What all its programs wrote. */
  log(): string;
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts a cluster in `folder` and waits until its nodes are ready.
 * @throws Error with the output of the program that did not get there
 */
export async function startClusterIn(
  tools: ClusterTools,
  folder: string,
  options: ClusterOptions = {},
): Promise<RunningCluster> {
  const { nodes = FAKE_NODES, beside } = options;
  const place = await makePlace(tools, folder);
  const { address, certificates } = place;
  const server = apiServerUrl(address);
  const etcd = beside?.etcd ?? etcdUrl(address);
  const programs = join(folder, 'programs');
  const containerLog = join(folder, 'container.log');
  await mkdir(programs);
  await writeFile(containerLog, '2026-01-01T00:00:00.000000000Z stdout F started\n');
  const api = await openClusterApi(server, certificates.caFile, TOKENS.admin);
  const running: RunningProcess[] = [];
  let apiServer: RunningProcess | undefined;

  async function beginApiServer(): Promise<void> {
    const options = { etcd, prefix: `/${address}`, hasControllers: nodes.length > 0 };
    apiServer = await startApiServer(place, options);
    await untilReady(apiServer, 'the API server was ready', async () => {
      return (await api.request('GET', '/readyz')).status === 200;
    });
  }
  async function stopApiServer(): Promise<void> {
    await apiServer?.[Symbol.asyncDispose]();
  }
  async function stop(): Promise<void> {
    // Nothing is to be kept: asked politely, an API server takes seconds.
    await Promise.all([stopApiServer(), ...running.map((program) => program[Symbol.asyncDispose]())]);
    api[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  }

  try {
    if (beside === undefined) {
      const store = await startEtcd(place);
      running.push(store);
      await untilReady(store, 'etcd answered', async () => (await fetch(`${etcd}/health`)).ok);
    }
    await beginApiServer();
    if (nodes.length > 0) {
      const podActions = join(folder, 'pod-actions.yaml');
      await writeFile(podActions, podActionsYaml(folder, containerLog));
      running.push(...(await startControllers(place)));
      const kubelet = await startFakeKubelet(place, [FAKE_PODS, podActions], programs);
      running.push(kubelet);
      await api.applyOk(STORAGE_CLASS);
      for (const node of nodes) await createNode(api, node);
      await untilReady(kubelet, 'the nodes were ready', () => areReady(api));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    files: {
      ...{ address, server, etcd, caFile: certificates.caFile, programs, containerLog },
      kubeconfig: join(folder, 'kubeconfig'),
      clientCertFile: certificates.clientCertFile,
      clientKeyFile: certificates.clientKeyFile,
    },
    api,
    stopApiServer,
    startApiServer: beginApiServer,
    log: () => [apiServer, ...running].map((program) => program?.stderr ?? '').join('\n'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Applying would leave the status out, and with it what the node has to give. */
async function createNode(api: ClusterApi, node: FakeNode): Promise<void> {
  const { status, body } = await api.request('POST', '/api/v1/nodes', nodeObject(node));
  if (status !== 201) throw new Error(`node ${node.name}: ${status} ${JSON.stringify(body)}`);
}

/** Ready, and without the taint that keeps pods away until they are. */
async function areReady(api: ClusterApi): Promise<boolean> {
  const nodes = await api.list('/api/v1/nodes');
  return nodes.every(({ spec }) => {
    const taints = (spec?.['taints'] ?? []) as readonly { readonly key: string }[];
    return !taints.some(({ key }) => key === 'node.kubernetes.io/not-ready');
  });
}

/** `exec` runs what the test's machine has, the folder of programs first; logs are those of one file. */
function podActionsYaml(folder: string, containerLog: string): string {
  const documents = [
    { kind: 'ClusterExec', metadata: { name: 'exec' }, spec: { execs: [{ local: { workDir: folder } }] } },
    { kind: 'ClusterLogs', metadata: { name: 'logs' }, spec: { logs: [{ logsFile: containerLog }] } },
  ];
  return documents
    .map((document) => JSON.stringify({ apiVersion: 'kwok.x-k8s.io/v1alpha1', ...document }))
    .join('\n---\n');
}
