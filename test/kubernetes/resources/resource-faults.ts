/** What is wrong with Kubernetes resources that are installed together: loose ends, and pods that are not hardened. */
import { isMapping, type KubernetesResource } from '../../../src/kubernetes/resources/yaml-documents.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The mapping at a path; an empty one where there is none. */
export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
  const found = path.reduce<unknown>((current, key) => (isMapping(current) ? current[key] : undefined), value);
  return isMapping(found) ? found : {};
}

function listAt(value: Fields, key: string): readonly Fields[] {
  return Array.isArray(value[key]) ? (value[key] as Fields[]) : [];
}

function podTemplateOf({ kind, value }: KubernetesResource): Fields {
  const job = kind === 'CronJob' ? fieldsAt(value, 'spec', 'jobTemplate') : value;
  return fieldsAt(job, 'spec', 'template');
}

function selects(selector: Fields, labels: Fields): boolean {
  const entries = Object.entries(selector);
  return entries.every(([key, value]) => labels[key] === value);
}

/** Everything wrong with a set of resources that are to be installed together. */
export function findFaults(resources: readonly KubernetesResource[]): readonly string[] {
  const faults: string[] = [];
  const has = (kind: unknown, name: unknown): boolean =>
    resources.some((one) => one.kind === kind && one.name === name);
  const workloads = resources.filter((resource) => Object.keys(podTemplateOf(resource)).length > 0);
  const podLabels = workloads.map((workload) => ({
    ...fieldsAt(podTemplateOf(workload), 'metadata', 'labels'),
    // Kubernetes itself gives the pods of a StatefulSet this one.
    ...(workload.kind === 'StatefulSet' && { 'statefulset.kubernetes.io/pod-name': `${workload.name}-0` }),
  }));
  const expectSelected = (who: string, selector: Fields): void => {
    if (!podLabels.some((labels) => selects(selector, labels))) faults.push(`${who} selects no pod`);
  };
  for (const workload of workloads) {
    const who = `${workload.kind}/${workload.name}`;
    const pod = fieldsAt(podTemplateOf(workload), 'spec');
    const own = fieldsAt(workload.value, 'spec', 'selector', 'matchLabels');
    if (!selects(own, fieldsAt(podTemplateOf(workload), 'metadata', 'labels')))
      faults.push(`${who} misses its own pods`);
    if ('app.kubernetes.io/version' in own) faults.push(`${who} cannot be upgraded: its selector has a version`);
    if (!has('ServiceAccount', pod['serviceAccountName'])) faults.push(`${who} has no service account`);
    const security = fieldsAt(pod, 'securityContext');
    if (security['runAsNonRoot'] !== true) faults.push(`${who} may run as root`);
    if (fieldsAt(security, 'seccompProfile')['type'] !== 'RuntimeDefault') faults.push(`${who} has no seccomp profile`);
    const volumes = listAt(pod, 'volumes').map((volume) => volume['name']);
    if (workload.kind === 'StatefulSet') {
      volumes.push(
        ...listAt(fieldsAt(workload.value, 'spec'), 'volumeClaimTemplates').map(
          (claim) => fieldsAt(claim, 'metadata')['name'],
        ),
      );
    }
    for (const volume of listAt(pod, 'volumes')) {
      const map = fieldsAt(volume, 'configMap')['name'];
      const claim = fieldsAt(volume, 'persistentVolumeClaim')['claimName'];
      if (map !== undefined && !has('ConfigMap', map))
        faults.push(`${who} mounts no config map ${JSON.stringify(map)}`);
      if (claim !== undefined && !has('PersistentVolumeClaim', claim))
        faults.push(`${who} mounts no claim ${JSON.stringify(claim)}`);
    }
    for (const container of [...listAt(pod, 'initContainers'), ...listAt(pod, 'containers')]) {
      const what = `${who} ${JSON.stringify(container['name'])}`;
      const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = fieldsAt(container, 'securityContext');
      if (allowPrivilegeEscalation !== false) faults.push(`${what} may gain privileges`);
      if (readOnlyRootFilesystem !== true) faults.push(`${what} may write to its image`);
      if (JSON.stringify(fieldsAt({ capabilities }, 'capabilities')['drop']) !== '["ALL"]')
        faults.push(`${what} keeps capabilities`);
      for (const bound of ['requests', 'limits']) {
        if (fieldsAt(container, 'resources', bound)['memory'] === undefined)
          faults.push(`${what} has no memory in ${bound}`);
      }
      for (const { name } of listAt(container, 'volumeMounts')) {
        if (!volumes.includes(name)) faults.push(`${what} mounts no volume ${JSON.stringify(name)}`);
      }
      for (const from of listAt(container, 'envFrom')) {
        const map = fieldsAt(from, 'configMapRef')['name'];
        if (!has('ConfigMap', map)) faults.push(`${what} reads no config map ${JSON.stringify(map)}`);
      }
      for (const variable of listAt(container, 'env')) {
        const { name, key } = fieldsAt(variable, 'valueFrom', 'secretKeyRef');
        if (name === undefined) continue;
        const secret = resources.find((one) => one.kind === 'Secret' && one.name === name);
        const documented = fieldsAt(secret?.value, 'metadata', 'annotations')['hexabase.ai/keys'];
        const keys =
          typeof documented === 'string' ? documented.split(', ') : Object.keys(fieldsAt(secret?.value, 'data'));
        if (!keys.includes(key as string))
          faults.push(`${what} reads no secret ${JSON.stringify(name)} ${JSON.stringify(key)}`);
      }
      const isService = ['Deployment', 'StatefulSet', 'DaemonSet'].includes(workload.kind);
      if (isService && listAt(pod, 'containers').includes(container)) {
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
          if (Object.keys(fieldsAt(container, probe)).length === 0) faults.push(`${what} has no ${probe}`);
        }
      }
    }
  }
  for (const resource of resources) {
    const who = `${resource.kind}/${resource.name}`;
    const { value, kind } = resource;
    if (kind === 'Service') expectSelected(who, fieldsAt(value, 'spec', 'selector'));
    if (kind === 'PodDisruptionBudget') expectSelected(who, fieldsAt(value, 'spec', 'selector', 'matchLabels'));
    if (kind === 'NetworkPolicy') {
      expectSelected(who, fieldsAt(value, 'spec', 'podSelector', 'matchLabels'));
      const spec = fieldsAt(value, 'spec');
      const rules = [...listAt(spec, 'ingress'), ...listAt(spec, 'egress')];
      for (const peer of rules.flatMap((rule) => [...listAt(rule, 'from'), ...listAt(rule, 'to')])) {
        if ('podSelector' in peer) expectSelected(`${who} peer`, fieldsAt(peer, 'podSelector', 'matchLabels'));
      }
    }
    if (kind === 'RoleBinding' || kind === 'ClusterRoleBinding') {
      const role = fieldsAt(value, 'roleRef');
      if (!has(role['kind'], role['name'])) faults.push(`${who} binds no role`);
      for (const { name } of listAt(value, 'subjects'))
        if (!has('ServiceAccount', name)) faults.push(`${who} binds nobody`);
    }
    if (kind === 'Ingress') {
      const text = JSON.stringify(value);
      for (const [, name] of text.matchAll(/"service":\{"name":"([^"]+)"/g)) {
        if (!has('Service', name)) faults.push(`${who} leads to no service ${String(name)}`);
      }
    }
  }
  const names = resources.map(({ kind, name }) => `${kind}/${name}`);
  for (const name of names.filter((one, index) => names.indexOf(one) !== index)) faults.push(`${name} twice`);
  return faults;
}
