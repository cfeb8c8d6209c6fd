/** The programs of a Kubernetes control plane, each on a loopback address of the cluster's own, where every port is free. */
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeCertificates, type Certificates } from '../certificates.ts';
import type { Command } from '../network-namespace.ts';
import { startProcess, type RunningProcess } from '../process.ts';
import { toolPath } from '../tools.ts';
import type { ClusterTools } from './cluster-tools.ts';

/** Where a cluster lives. */
export interface ClusterPlace {
  readonly tools: ClusterTools;
  /** Everything it writes. */
  readonly folder: string;
  /** `127.x.y.z`, of this cluster alone. */
  readonly address: string;
  readonly certificates: Certificates;
  /** Runs a command where the cluster is. @defaultValue in the network of the machine */
  readonly wrap?: ((command: string, args: readonly string[]) => Command) | undefined;
}

/** The ports are those that everybody knows: the address is what differs. */
const PORTS = {
  etcd: 2379,
  etcdPeer: 2380,
  apiServer: 6443,
  kubelet: 10250,
  manager: 10257,
  scheduler: 10259,
} as const;

/** Who may ask: `admin` everything, `dev` nothing; a client certificate of `client` nothing either. */
export const TOKENS = { admin: 'admin-token', dev: 'dev-token' } as const;

/** What acts on objects here. The rest would start, watch and find nothing: clouds, certificates, volumes of nodes. */
const CONTROLLERS = [
  ...['namespace-controller', 'garbage-collector-controller', 'resourcequota-controller', 'node-lifecycle-controller'],
  ...['serviceaccount-controller', 'root-ca-certificate-publisher-controller', 'clusterrole-aggregation-controller'],
  ...['deployment-controller', 'replicaset-controller', 'statefulset-controller', 'daemonset-controller'],
  ...['job-controller', 'cronjob-controller', 'disruption-controller', 'horizontal-pod-autoscaler-controller'],
  ...['endpointslice-controller', 'persistentvolume-binder-controller', 'persistentvolumeclaim-protection-controller'],
];

/** The address of the API server. */
export function apiServerUrl(address: string): string {
  return `https://${address}:${PORTS.apiServer}`;
}

/** Makes the files that all programs of a cluster share. */
export async function makePlace(
  tools: ClusterTools,
  folder: string,
  wrap?: ClusterPlace['wrap'],
): Promise<ClusterPlace> {
  await mkdir(folder, { recursive: true });
  const address = await freeAddress();
  const certificates = await makeCertificates(folder, [address]);
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const user = (name: string, args: string): string => `{name: ${name}, user: {${args}}}`;
  const context = (name: string): string => `{name: ${name}, context: {cluster: test, user: ${name}}}`;
  const files = {
    'accounts.key': privateKey,
    'accounts.pub': publicKey,
    'tokens.csv': `${TOKENS.admin},admin,1,"system:masters"\n${TOKENS.dev},dev,2,"devs"\n`,
    kubeconfig: [
      'apiVersion: v1',
      'kind: Config',
      `clusters: [{name: test, cluster: {server: "${apiServerUrl(address)}", certificate-authority: ${certificates.caFile}}}]`,
      `users: [${[
        user('admin', `token: ${TOKENS.admin}`),
        user('dev', `token: ${TOKENS.dev}`),
        user('client', `client-certificate: ${certificates.clientCertFile}, client-key: ${certificates.clientKeyFile}`),
      ].join(', ')}]`,
      `contexts: [${['admin', 'dev', 'client'].map(context).join(', ')}]`,
      'current-context: admin',
      '',
    ].join('\n'),
  };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  return { tools, folder, address, certificates, wrap };
}

/** Starts the store of objects, which answers at `/health` of {@link etcdUrl} when it is ready. */
export async function startEtcd(place: ClusterPlace): Promise<RunningProcess> {
  const { tools, folder, address } = place;
  const client = etcdUrl(address);
  const peer = `http://${address}:${PORTS.etcdPeer}`;
  return start(place, tools.etcd, [
    ...[`--data-dir=${join(folder, 'data')}`, '--unsafe-no-fsync', '--log-level=warn', '--logger=zap'],
    ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=default=${peer}`],
  ]);
}

/** The address at which {@link startEtcd} has it. */
export function etcdUrl(address: string): string {
  return `http://${address}:${PORTS.etcd}`;
}

/** What an API server can be started with. */
export interface ApiServerOptions {
  readonly etcd: string;
  /** Under which its objects lie in etcd. */
  readonly prefix: string;
  /** Whether controllers make the account that pods run as. */
  readonly hasControllers: boolean;
}

/** Starts an API server; whether it is ready is asked with the address. */
export async function startApiServer(place: ClusterPlace, options: ApiServerOptions): Promise<RunningProcess> {
  const { tools, folder, address, certificates } = place;
  return start(place, tools.apiServer, [
    ...[`--etcd-servers=${options.etcd}`, `--etcd-prefix=${options.prefix}`],
    ...[`--bind-address=${address}`, `--advertise-address=${address}`, `--secure-port=${PORTS.apiServer}`],
    ...[`--tls-cert-file=${certificates.certFile}`, `--tls-private-key-file=${certificates.keyFile}`],
    ...[`--client-ca-file=${certificates.caFile}`, `--token-auth-file=${join(folder, 'tokens.csv')}`],
    `--service-account-key-file=${join(folder, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.96.0.0/16',
    // A loopback address is no endpoint for others; and nodes are reached by address, since no name resolves.
    ...['--endpoint-reconciler-type=none', '--kubelet-preferred-address-types=InternalIP'],
    ...['--authorization-mode=RBAC', '--allow-privileged=true', '--profiling=false'],
    ...(options.hasControllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ]);
}

/** Starts what acts on objects: controllers and the scheduler. */
export async function startControllers(place: ClusterPlace): Promise<readonly RunningProcess[]> {
  const { tools, folder, address } = place;
  const common = [`--kubeconfig=${join(folder, 'kubeconfig')}`, '--leader-elect=false', `--bind-address=${address}`];
  return Promise.all([
    start(place, tools.controllerManager, [
      ...[...common, `--secure-port=${PORTS.manager}`, `--controllers=${CONTROLLERS.join(',')}`],
      `--cert-dir=${folder}`,
      // Fake nodes send no sign of life: without this they are called dead after a minute, and their pods unready.
      '--node-monitor-grace-period=24h',
      `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
      `--root-ca-file=${join(folder, 'ca.pem')}`,
    ]),
    start(place, tools.scheduler, [...common, `--secure-port=${PORTS.scheduler}`, `--cert-dir=${folder}`]),
  ]);
}

/** Starts the kubelet of all nodes, which is none: what pods do is written in `configs`. `programs` comes first in its PATH. */
export async function startFakeKubelet(
  place: ClusterPlace,
  configs: readonly string[],
  programs: string,
): Promise<RunningProcess> {
  const { tools, folder, address, certificates } = place;
  const args = [
    ...[
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--manage-all-nodes',
      ...configs.map((file) => `--config=${file}`),
    ],
    ...[`--node-ip=${address}`, `--node-port=${PORTS.kubelet}`, '--cidr=10.200.0.1/16'],
    // Left out, this is every address of the machine, and what asks there runs commands.
    `--server-address=${address}:${PORTS.kubelet}`,
    ...[`--tls-cert-file=${certificates.certFile}`, `--tls-private-key-file=${certificates.keyFile}`],
  ];
  return start(place, tools.kwok, args, { PATH: `${programs}:${process.env['PATH'] ?? ''}`, HOME: folder });
}

/** Starts a program of a cluster. It dies with this process, however that ends. */
export async function start(
  { wrap }: ClusterPlace,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProcess> {
  const [command, rest] = wrap?.(program, args) ?? [program, args];
  return startProcess(toolPath('setpriv'), ['--pdeathsig', 'KILL', command, ...rest], { env });
}

/** Waits until `isReady` says so; an error of it means not yet. */
export async function untilReady(
  program: RunningProcess,
  what: string,
  isReady: () => Promise<boolean>,
): Promise<RunningProcess> {
  await program.waitUntil(what, () => isReady().catch(() => false));
  return program;
}

/** A loopback address at which nothing listens: one of four million. */
async function freeAddress(): Promise<string> {
  for (;;) {
    const address = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
    const server = createServer().listen(PORTS.etcd, address);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return address;
  }
}
