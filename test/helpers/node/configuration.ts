/** What containerd and the kubelet of a test's node are told. */
import { join } from 'node:path';

/** On the loopback interface of the node's own network; a kubelet takes no address of 127.0.0.0/8. */
export const NODE_ADDRESS = '198.51.100.2';
/** Where pods are, behind the node's address. */
const POD_SUBNET = '203.0.113.0/24';
/** Debian's package containernetworking-plugins. */
export const CNI_PLUGINS = '/usr/lib/cni';

/** Paths of a node, below its folder. */
export function nodePaths(folder: string): Readonly<Record<'socket' | 'hosts' | 'cni' | 'bin' | 'kubelet', string>> {
  return {
    socket: join(folder, 'containerd.sock'),
    hosts: join(folder, 'hosts'),
    cni: join(folder, 'cni'),
    bin: join(folder, 'bin'),
    kubelet: join(folder, 'kubelet'),
  };
}

/** containerd 2 with the interface that a kubelet speaks. `sandbox` is the image that holds a pod's network. */
export function containerdConfiguration(folder: string, sandbox: string): string {
  const { socket, hosts, cni } = nodePaths(folder);
  return `version = 3
root = "${join(folder, 'containerd')}"
state = "${join(folder, 'containerd-state')}"
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
[plugins."io.containerd.cri.v1.runtime"]
  # Raising a process's own protection against being killed is not allowed in every container that tests run in.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${CNI_PLUGINS}"]
    conf_dir = "${cni}"
[plugins."io.containerd.cri.v1.images"]
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${sandbox}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "${hosts}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(folder, 'opt')}"
`;
}

/** A network between the node and its pods, and nothing behind it. */
export function podNetwork(folder: string): string {
  const ipam = { type: 'host-local', subnet: POD_SUBNET, dataDir: join(folder, 'addresses') };
  return JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins: [{ type: 'ptp', ipam }] });
}

/** Images of `registry` are fetched over plain HTTP. */
export function registryHosts(registry: string): string {
  return `server = "http://${registry}"\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"]\n`;
}

/** A kubelet that leaves the machine's swap and packet filter as they are, and keeps to one control group, `/<name>`. */
export function kubeletConfiguration(folder: string, controlGroup: string): string {
  const { socket } = nodePaths(folder);
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_ADDRESS,
    containerRuntimeEndpoint: `unix://${socket}`,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: controlGroup,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    evictionHard: {},
    imageGCHighThresholdPercent: 100,
    resolvConf: '',
    registryPullQPS: 0,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
  });
}
