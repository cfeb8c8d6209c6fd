/** What a site sets in the chart reaches every object it concerns, and what makes no sense is refused by its name. */
import { describe, expect, it } from 'vitest';
import type { KubernetesResource } from '../../src/kubernetes/resources/yaml-documents.ts';
import { fieldAt, render, requestFor } from './render-profile.ts';

/** A workload, where its pods are described, and the value that holds its settings. */
const WORKLOADS: readonly (readonly [workload: string, pod: string, settings: string])[] = [
  ['Deployment/hexabase-control-plane', 'spec template', 'controlPlane'],
  ['Deployment/hexabase-ui', 'spec template', 'ui'],
  ['StatefulSet/hexabase-database', 'spec template', 'database'],
  ['DaemonSet/hexabase-edge-agent', 'spec template', 'edgeAgent'],
  ['CronJob/hexabase-backup', 'spec jobTemplate spec template', 'backup'],
  ['CronJob/hexabase-key-rotation', 'spec jobTemplate spec template', 'encryption.rotation'],
];

const AFFINITY = { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
/** Every setting that all workloads have, each its own: what one is given must not show at another. */
const PLACEMENT = `
commonLabels: {team: platform}
commonAnnotations: {example.com/owner: platform}
global:
  imagePullPolicy: Always
  imagePullSecrets: [internal-registry]
  priorityClassName: platform
  nodeSelector: {pool: hexabase}
  tolerations: [{key: hexabase, operator: Exists}]
init: {resources: {limits: {cpu: 77m}}}
${WORKLOADS.map(([, , settings], index) => {
  const own = `{nodeSelector: {own: n${index}}, tolerations: [{key: n${index}, operator: Exists}], affinity: ${JSON.stringify(AFFINITY)}, resources: {limits: {cpu: 10${index}m}}}`;
  return settings.includes('.') ? `encryption: {rotation: ${own}}` : `${settings}: ${own}`;
}).join('\n')}
`;

interface Container {
  readonly name: string;
  readonly imagePullPolicy?: unknown;
  readonly resources?: { readonly limits?: { readonly cpu?: unknown } };
}

function find(resources: readonly KubernetesResource[], kindAndName: string): KubernetesResource['value'] {
  const found = resources.find(({ kind, name }) => `${kind}/${name}` === kindAndName);
  if (found === undefined) throw new Error(`no ${kindAndName} was rendered`);
  return found.value;
}

/** What all objects of a rendering say, as one text. */
function textOf(resources: readonly KubernetesResource[]): string {
  return JSON.stringify(resources.map(({ value }) => value));
}

describe('a site places', () => {
  const resources = requestFor('medium-enterprise+gdpr', PLACEMENT).then(render);

  it('all workloads there are', async () => {
    const running = (await resources).filter(({ value }) => textOf([{ value } as KubernetesResource]).includes('"containers"'));
    expect(running.map(({ kind, name }) => `${kind}/${name}`).sort()).toEqual(WORKLOADS.map(([name]) => name).sort());
  });

  it.each(WORKLOADS)('%s by node, taint, affinity, priority and limit of its own and of all', async (name, pod) => {
    const value = find(await resources, name);
    const own = `n${WORKLOADS.findIndex(([known]) => known === name)}`;
    expect(fieldAt(value, `${pod} spec`)).toMatchObject({
      nodeSelector: { pool: 'hexabase', own },
      tolerations: expect.arrayContaining([
        { key: 'hexabase', operator: 'Exists' },
        { key: own, operator: 'Exists' },
      ]) as unknown,
      affinity: AFFINITY,
      priorityClassName: 'platform',
      imagePullSecrets: [{ name: 'internal-registry' }],
    });
    const containers = (list: string): readonly Container[] =>
      (fieldAt(value, `${pod} spec ${list}`) ?? []) as readonly Container[];
    const all = [...containers('initContainers'), ...containers('containers')];
    expect(all.map((container) => container.imagePullPolicy)).toEqual(all.map(() => 'Always'));
    expect(all.map((container) => [container.name, container.resources?.limits?.cpu])).toEqual(
      all.map((container) => [container.name, container.name === 'init' ? '77m' : `10${own.slice(1)}m`]),
    );
  });

  it('labels and annotations on all objects and pods, and on no selector', async () => {
    for (const { kind, name, value } of await resources) {
      const at = `${kind}/${name}`;
      expect([at, fieldAt(value, 'metadata labels team')]).toEqual([at, 'platform']);
      expect([at, fieldAt(value, 'metadata annotations example.com/owner')]).toEqual([at, 'platform']);
      expect([at, fieldAt(value, 'spec selector matchLabels team')]).toEqual([at, undefined]);
    }
    for (const [name, pod] of WORKLOADS) {
      const value = find(await resources, name);
      expect(fieldAt(value, `${pod} metadata labels team`)).toBe('platform');
      expect(fieldAt(value, `${pod} metadata annotations example.com/owner`)).toBe('platform');
    }
  });
});

describe('secrets of the site’s own', () => {
  it.each([
    ['controlPlane', 'control-plane', ['Deployment/hexabase-control-plane']],
    ['database', 'database', ['Deployment/hexabase-control-plane', 'StatefulSet/hexabase-database', 'CronJob/hexabase-backup']],
    ['edgeAgent', 'edge-agent', ['Deployment/hexabase-control-plane', 'DaemonSet/hexabase-edge-agent']],
    ['replication', 'replication', ['StatefulSet/hexabase-database']],
    [
      'encryptionKeys',
      'encryption-keys',
      [
        'Deployment/hexabase-control-plane',
        'StatefulSet/hexabase-database',
        'CronJob/hexabase-backup',
        'CronJob/hexabase-key-rotation',
        'Role/hexabase-key-rotation',
      ],
    ],
    [
      'transport',
      'transport-tls',
      WORKLOADS.map(([name]) => name).filter((name) => !name.endsWith('key-rotation')),
    ],
    [
      'hsm',
      'hsm',
      [
        'Deployment/hexabase-control-plane',
        'StatefulSet/hexabase-database',
        'CronJob/hexabase-backup',
        'CronJob/hexabase-key-rotation',
      ],
    ],
  ])('take the place of a generated one everywhere: %s', async (key, suffix, readers) => {
    const combination = 'medium-enterprise+gdpr+hipaa';
    const resources = await render(await requestFor(combination, `secrets: {existing: {${key}: of-the-site}}\n`));
    const isNamed = (text: string, name: string): boolean =>
      new RegExp(`"(secretName|name)":"${name}"|"resourceNames":\\["${name}"\\]|--secret=[a-z-]+/${name}"`).test(text);
    const using = resources.filter((resource) => isNamed(textOf([resource]), 'of-the-site'));
    expect(using.map(({ kind, name }) => `${kind}/${name}`).sort()).toEqual([...readers].sort());
    expect(resources.filter(({ kind, name }) => kind === 'Secret' && name === `hexabase-${suffix}`)).toEqual([]);
    const references = textOf(resources).match(/"(secretName|secretKeyRef|secret)":("[^"]*"|\{[^}]*\})/g) ?? [];
    expect(references.filter((reference) => reference.includes(`"hexabase-${suffix}"`))).toEqual([]);
    expect(textOf(resources)).not.toContain(`hexabase-system/hexabase-${suffix}"`);
  });

  it('are the only ones where the chart makes none', async () => {
    const none = await render(await requestFor('medium-enterprise+gdpr+hipaa', 'secrets: {generate: false}\n'));
    expect(none.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });
});

describe('the ways in and out', () => {
  it('are an ingress with the class, host, certificate and annotations of the site', async () => {
    const overrides =
      'ingress: {className: internal, host: hexabase.corp, tlsSecret: corp-tls, annotations: {example.com/waf: on-premises}}\n';
    const ingress = find(await render(await requestFor('', overrides)), 'Ingress/hexabase');
    expect(ingress).toMatchObject({
      metadata: { annotations: { 'example.com/waf': 'on-premises' } },
      spec: {
        ingressClassName: 'internal',
        tls: [{ hosts: ['hexabase.corp'], secretName: 'corp-tls' }],
        rules: [{ host: 'hexabase.corp' }],
      },
    });
    expect(fieldAt(ingress, 'spec rules 0 http paths')).toMatchObject([
      { path: '/api', backend: { service: { name: 'hexabase-control-plane', port: { name: 'http' } } } },
      { path: '/', backend: { service: { name: 'hexabase-ui', port: { name: 'http' } } } },
    ]);
  });

  it('or a load balancer in its place, which lets in whom the site names', async () => {
    const overrides =
      'ingress: {enabled: false}\nloadBalancer: {className: metal, sourceRanges: [10.1.0.0/16], tlsSecret: corp-tls, annotations: {example.com/pool: a}}\n';
    const resources = await render(await requestFor('small-enterprise', overrides));
    expect(resources.filter(({ kind }) => kind === 'Ingress')).toEqual([]);
    expect(find(resources, 'Service/hexabase-load-balancer')).toMatchObject({
      metadata: { annotations: { 'example.com/pool': 'a' } },
      spec: { type: 'LoadBalancer', loadBalancerClass: 'metal', loadBalancerSourceRanges: ['10.1.0.0/16'] },
    });
    const controlPlane = find(resources, 'Deployment/hexabase-control-plane');
    expect(fieldAt(controlPlane, 'spec template spec volumes public-tls secret secretName')).toBe('corp-tls');
    const rules = fieldAt(find(resources, 'NetworkPolicy/hexabase-control-plane'), 'spec ingress');
    expect(rules).toContainEqual({
      ports: [
        { port: 8443, protocol: 'TCP' },
        { port: 8080, protocol: 'TCP' },
      ],
      from: [{ ipBlock: { cidr: '10.1.0.0/16' } }],
    });
  });

  it('of a hybrid site reach its endpoints at their addresses, and no other address outside', async () => {
    const resources = await render(await requestFor('hybrid'));
    const outside = resources
      .filter(({ kind, value }) => {
        const selected = fieldAt(value, 'spec podSelector matchLabels app.kubernetes.io/name');
        return kind === 'NetworkPolicy' && (selected === undefined || selected === 'control-plane');
      })
      .flatMap(({ value }) => (fieldAt(value, 'spec egress') ?? []) as readonly Egress[])
      .filter(({ to }) => to?.every((peer) => 'podSelector' in peer) !== true)
      .map(({ to, ports }) => [to?.map(({ ipBlock }) => ipBlock?.cidr), ports.map(({ port }) => port)]);
    expect(outside).toEqual([
      [['192.0.2.0/25'], [443, 8080]],
      [['192.0.2.128/25'], [443, 8080]],
      [undefined, [53, 53]],
      [['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'], [443, 6443]],
    ]);
  });

  it.each([
    ['hipaa', 'encryption: {hsm: {endpoint: "hsm.corp:5697"}}', 'key-rotation', 5697],
    ['hipaa', 'encryption: {hsm: {endpoint: "[fd00::1]:5697"}}', 'key-rotation', 5697],
    ['hipaa', 'encryption: {hsm: {endpoint: hsm.corp, port: 5698}}', 'key-rotation', 5698],
    ['edge', 'edge: {parentCluster: {endpoint: "https://primary.corp:8443/fleet"}}', 'edge-agent', 8443],
    ['edge', 'edge: {parentCluster: {endpoint: "https://primary.corp/fleet:1"}}', 'edge-agent', 443],
  ])('of %s lead to the port that is called: %s', async (profile, overrides, policy, port) => {
    const resources = await render(await requestFor(profile, `${overrides}\n`));
    const rules = fieldAt(find(resources, `NetworkPolicy/hexabase-${policy}`), 'spec egress') as readonly Egress[];
    expect(rules.at(-1)?.ports).toEqual([{ port, protocol: 'TCP' }]);
  });

  it('of a site with data centres alone lead to those', async () => {
    const resources = await render(await requestFor('hybrid', 'integration: {type: on-premises, cloudEndpoints: []}\n'));
    expect(find(resources, 'ServiceEntry/hexabase-endpoints')).toMatchObject({
      spec: { hosts: ['datacenter-1.example.internal'] },
    });
    const config = fieldAt(find(resources, 'ConfigMap/hexabase-hybrid-config'), 'data');
    expect(config).toMatchObject({ integration_type: 'on-premises' });
    expect(config).not.toHaveProperty('cloud_endpoints');
    expect(resources.filter(({ name }) => name.startsWith('hexabase-to-')).map(({ name }) => name)).toEqual([
      'hexabase-to-datacenter-1',
    ]);
  });

  it('know the authorities of the endpoints, given as text or in a config map of the site', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const given = `integration: {certificateAuthorities: {datacenter-ca: ${JSON.stringify(pem)}}}\n`;
    const resources = await render(await requestFor('hybrid', given));
    expect(fieldAt(find(resources, 'ConfigMap/hexabase-ca-bundles'), 'data')).toEqual({ 'datacenter-ca.crt': pem });
    const own = await render(await requestFor('hybrid', 'integration: {existingCaConfigMap: corp-authorities}\n'));
    expect(own.filter(({ name }) => name === 'hexabase-ca-bundles')).toEqual([]);
    const controlPlane = find(own, 'Deployment/hexabase-control-plane');
    expect(fieldAt(controlPlane, 'spec template spec volumes ca-bundles configMap name')).toBe('corp-authorities');
  });
});

interface Egress {
  readonly to?: readonly { readonly ipBlock?: { readonly cidr: string } }[];
  readonly ports: readonly { readonly port: number }[];
}

describe('a site sets', () => {
  it('what `hexabase-cli init` sets up, or leaves that step out', async () => {
    const overrides = 'init: {config: {organization: {name: corp}}}\n';
    const resources = await render(await requestFor('', overrides));
    expect(fieldAt(find(resources, 'ConfigMap/hexabase-init'), 'data init-config.yaml')).toContain('  name: corp\n');
    const without = await render(await requestFor('', 'init: {enabled: false}\n'));
    expect(textOf(without)).not.toContain('init-config');
    expect(fieldAt(find(without, 'Deployment/hexabase-control-plane'), 'spec template spec initContainers')).toHaveLength(1);
  });

  it('what monitoring and meshes need only where the cluster serves it', async () => {
    const kinds = ['ServiceMonitor', 'PrometheusRule', 'ServiceEntry'];
    for (const profile of ['medium-enterprise', 'hybrid']) {
      const resources = await render({ ...(await requestFor(profile)), apiVersions: [] });
      expect(resources.filter(({ kind }) => kinds.includes(kind))).toEqual([]);
    }
  });

  it.each([
    ['global: {imageRegistry: "https://registry.corp"}', 'https://registry.corp'],
    ['backup: {schedule: every now and then}', 'every now and then'],
    ['backup: {schedule: "every now and then please"}', 'every now and then please'],
    ['controlPlane: {resources: {limits: {memory: lots}}}', 'lots'],
    ['controlPlane: {resources: {limits: {memory: 4GB}}}', '4GB'],
    ['controlPlane: {resources: {limits: {memroy: 4Gi}}}', 'memroy'],
    ['controlPlane: {replicas: 0}', '/controlPlane/replicas'],
    ['database: {storage: {size: huge}}', 'huge'],
    ['profile: {quotas: {defaultCpuLimit: two}}', 'two'],
    ['edge: {connectivity: {syncInterval: often}}', 'often'],
    ['edge: {parentCluster: {endpoint: primary.corp}}', 'primary.corp'],
    ['loadBalancer: {sourceRanges: [everybody]}', 'everybody'],
    ['hipaa: {encryptionScopes: [rumours]}', '/hipaa/encryptionScopes/0'],
    ['encryption: {algorithm: ROT13}', '/encryption/algorithm'],
    ['encryption: {hsm: {endpoint: "tcp://hsm.corp:5696"}}', 'tcp://hsm.corp:5696'],
    ['fullnameOverride: 1st', '1st'],
    ['nameOverride: My-Platform', 'My-Platform'],
    ['profile: {name: Small Enterprise}', 'Small Enterprise'],
    ['zones: ["zone a"]', 'zone a'],
    ['commonLabels: {team: "a team"}', 'a team'],
    ['global: {imagePullPolicy: Sometimes}', '/global/imagePullPolicy'],
    ['images: {ui: {digest: "sha256:12"}}', 'sha256:12'],
    ['secrets: {existing: {transport: Corp_TLS}}', 'Corp_TLS'],
    ['edgeAgent: {kind: Job}', '/edgeAgent/kind'],
    ['replication: {role: third}', '/replication/role'],
    ['ingress: {host: "https://hexabase.corp"}', 'https://hexabase.corp'],
    ['integration: {cloudEndpoints: [{name: cloud-1, endpoint: c.corp, region: eu, cidrs: []}]}', '/integration/cloudEndpoints/0/cidrs'],
    ['ingres: {enabled: false}', 'ingres'],
    ['database: {enabled: false}', 'database.host is needed'],
    ['replication: {role: secondary}', 'replication.upstream.'],
    ['gdpr: {enabled: true}', 'backup.retentionDays is needed'],
    ['zones: [a, b]\ndatabase: {replicas: 3}', 'zones names 2, and the database with zoneAntiAffinity: required needs 3'],
    ['zones: [a, b]\nui: {zoneAntiAffinity: required}', 'zones names 2, and the ui with zoneAntiAffinity: required needs 3'],
    [
      'integration: {enabled: true, cloudEndpoints: [{name: one, endpoint: a.corp, region: eu, cidrs: [10.0.0.0/8]}, {name: one, endpoint: b.corp, region: eu, cidrs: [10.0.0.0/8]}]}',
      'two endpoints have the name one',
    ],
    ['encryption: {enabled: true, keyManagement: hsm}', 'encryption.hsm.endpoint is needed'],
  ])('and is refused %s', async (overrides, named) => {
    await expect(render(await requestFor('', `${overrides}\n`))).rejects.toThrow(named);
  });
});
