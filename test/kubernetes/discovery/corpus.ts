/** Small documents, one a place in which an image hides, or something that only looks like one; each with the answer. */

export interface HidingPlace {
  readonly name: string;
  readonly text: string;
  /** Canonical references, sorted; absent for none. */
  readonly certain?: readonly string[];
  readonly suspect?: readonly string[];
}

/** Of no image: who pins the corpus puts one of an image in its place. */
export const SAMPLE_DIGEST = `sha256:${'a'.repeat(64)}`;
const digest = SAMPLE_DIGEST;

/** A resource in flow style: `of('tekton.dev/v1', 'Task', '{steps: []}')`. */
export function of(apiVersion: string, kind: string, spec: string, metadata = ''): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x${metadata}}\nspec: ${spec}\n`;
}

function pod(container: string, rest = ''): string {
  return of('v1', 'Pod', `{containers: [{name: c, ${container}}]${rest}}`);
}

function configMap(key: string, text: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  ${key}: |\n${text.replace(/^/gm, '    ')}\n`;
}

const app = 'quay.io/a/app:1';

/** Places that a node pulls from, or a controller of wide use. */
const CERTAIN: readonly HidingPlace[] = [
  { name: 'a container', text: pod('image: nginx'), certain: ['docker.io/library/nginx:latest'] },
  {
    name: 'init and ephemeral containers, by digest',
    text: of(
      'v1',
      'Pod',
      `{initContainers: [{image: "a/b@${digest}"}], ephemeralContainers: [{image: "quay.io/e:2"}]}`,
    ),
    certain: [`docker.io/a/b@${digest}`, 'quay.io/e:2'],
  },
  {
    name: 'a volume of type image',
    text: pod('image: "quay.io/a/app:1"', ', volumes: [{name: v, image: {reference: "quay.io/m/model:v1"}}]'),
    certain: [app, 'quay.io/m/model:v1'],
  },
  {
    name: 'a cron job',
    text: of('batch/v1', 'CronJob', `{jobTemplate: {spec: {template: {spec: {containers: [{image: "${app}"}]}}}}}`),
    certain: [app],
  },
  {
    name: 'a pod within a list',
    text: `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{image: "${app}"}]}}\n`,
    certain: [app],
  },
  {
    name: 'a Knative service',
    text: of('serving.knative.dev/v1', 'Service', `{template: {spec: {containers: [{image: "${app}"}]}}}`),
    certain: [app],
  },
  {
    name: 'more containers of an operator',
    text: of('db.example.org/v1', 'Cluster', `{sidecarContainers: [{name: s, image: "${app}"}]}`),
    certain: [app],
  },
  {
    name: 'Tekton steps, sidecars and their template',
    text: of(
      'tekton.dev/v1',
      'Task',
      '{steps: [{name: a, image: "golang:1.24"}], sidecars: [{image: "docker:28"}], stepTemplate: {image: "quay.io/t:1"}}',
    ),
    certain: ['docker.io/library/docker:28', 'docker.io/library/golang:1.24', 'quay.io/t:1'],
  },
  {
    name: 'a pipeline that holds its task',
    text: of('tekton.dev/v1', 'Pipeline', `{tasks: [{name: t, taskSpec: {steps: [{image: "${app}"}]}}]}`),
    certain: [app],
  },
  {
    name: 'Argo container, script and sidecar',
    text: of(
      'argoproj.io/v1alpha1',
      'Workflow',
      '{templates: [{container: {image: "alpine:3"}}, {script: {image: "python:3", source: x}}, {sidecars: [{image: "quay.io/s:1"}]}, {steps: [[{name: a, template: b}]]}]}',
    ),
    certain: ['docker.io/library/alpine:3', 'docker.io/library/python:3', 'quay.io/s:1'],
  },
  {
    name: 'Argo container set',
    text: of(
      'argoproj.io/v1alpha1',
      'WorkflowTemplate',
      `{templates: [{containerSet: {containers: [{image: "${app}"}]}}]}`,
    ),
    certain: [app],
  },
  {
    name: 'related images of OLM',
    text: of('operators.coreos.com/v1alpha1', 'ClusterServiceVersion', `{relatedImages: [{name: r, image: "${app}"}]}`),
    certain: [app],
  },
  {
    name: 'a catalog of OLM',
    text: of('operators.coreos.com/v1alpha1', 'CatalogSource', '{sourceType: grpc, image: quay.io/op/catalog:latest}'),
    certain: ['quay.io/op/catalog:latest'],
  },
  {
    name: 'disks of a virtual machine',
    text: of(
      'kubevirt.io/v1',
      'VirtualMachine',
      '{template: {spec: {domain: {firmware: {kernelBoot: {container: {image: "quay.io/k/boot:1"}}}}, volumes: [{containerDisk: {image: "quay.io/k/disk:1"}}]}}}',
    ),
    certain: ['quay.io/k/boot:1', 'quay.io/k/disk:1'],
  },
  {
    name: 'a data volume that is imported from a registry',
    text: of('cdi.kubevirt.io/v1beta1', 'DataVolume', `{source: {registry: {url: "docker://${app}"}}}`),
    certain: [app],
  },
  {
    name: 'a package of Crossplane',
    text: of('pkg.crossplane.io/v1', 'Provider', '{package: xpkg.upbound.io/up/provider-aws:v1.1.0}'),
    certain: ['xpkg.upbound.io/up/provider-aws:v1.1.0'],
  },
  {
    name: 'operands of the Prometheus operator',
    text: of(
      'monitoring.coreos.com/v1',
      'Prometheus',
      '{image: "prom/prometheus:v3", thanos: {image: "quay.io/thanos/t:1"}}',
    ),
    certain: ['docker.io/prom/prometheus:v3', 'quay.io/thanos/t:1'],
  },
  {
    name: 'the database of CloudNativePG',
    text: of('postgresql.cnpg.io/v1', 'Cluster', '{imageName: ghcr.io/cnpg/postgresql:17}'),
    certain: ['ghcr.io/cnpg/postgresql:17'],
  },
  {
    name: "the annotation for Istio's proxy",
    text: of('v1', 'Pod', '{}', `, annotations: {sidecar.istio.io/proxyImage: "${app}"}`),
    certain: [app],
  },
  {
    name: 'parameters of Tekton, whose default is a suspect',
    text: of(
      'tekton.dev/v1',
      'Task',
      `{params: [{name: IMAGE, default: "${app}"}], steps: [{image: $(params.IMAGE)}]}`,
    ),
    suspect: [app],
  },
];

/** Places that may hold one. */
const SUSPECT: readonly HidingPlace[] = [
  {
    name: 'fields of a custom resource',
    text: of(
      'x.example.org/v1',
      'Thing',
      '{image: "org/app:1", proxyImage: quay.io/a/proxy:1, images: {web: "quay.io/a/web:1"}}',
    ),
    suspect: ['docker.io/org/app:1', 'quay.io/a/proxy:1', 'quay.io/a/web:1'],
  },
  {
    name: 'a list of images in a custom resource',
    text: of('x.example.org/v1', 'Thing', `{deep: [{extraImages: ["${app}", plain]}]}`),
    suspect: [app],
  },
  {
    name: 'a field of another name that holds an image of a public registry',
    text: of('x.example.org/v1', 'Thing', `{bundle: "${app}", url: "https://quay.io/a/app:1"}`),
    suspect: [app],
  },
  {
    name: 'an argument, whole and after =',
    text: pod('args: ["registry.example.org/a/one:1", "--reloader=registry.example.org/a/two:2"]'),
    suspect: ['registry.example.org/a/one:1', 'registry.example.org/a/two:2'],
  },
  {
    name: 'a short name in an option that is called after an image',
    text: pod('args: ["--solver-image=jetstack/solver:v1", --image, "busybox:1"]'),
    suspect: ['docker.io/jetstack/solver:v1', 'docker.io/library/busybox:1'],
  },
  {
    name: 'several images in one argument',
    text: pod('args: ["--images=a=quay.io/a/a:1,b=quay.io/a/b:1"]'),
    suspect: ['quay.io/a/a:1', 'quay.io/a/b:1'],
  },
  {
    name: 'a shell script in a command',
    text: pod(
      `command: [sh, -c, "ctr run ${app} && crictl pull quay.io/a/b@${digest}; kubectl run --image=busybox:1"]`,
    ),
    suspect: ['docker.io/library/busybox:1', app, `quay.io/a/b@${digest}`],
  },
  {
    name: 'a variable',
    text: pod(
      `env: [{name: RELATED_IMAGE_WEB, value: "org/web:1"}, {name: ANY, value: "x registry.example.org/a/b:1"}]`,
    ),
    suspect: ['docker.io/org/web:1', 'registry.example.org/a/b:1'],
  },
  {
    name: 'a variable that is a list in JSON',
    text: pod(`env: [{name: LIST, value: '["${app}","quay.io/a/b:1"]'}]`),
    suspect: [app, 'quay.io/a/b:1'],
  },
  {
    name: 'variables that hold the parts of an image',
    text: pod('env: [{name: PROXY_IMAGE_REPO, value: quay.io/a/proxy}, {name: PROXY_IMAGE_TAG, value: "7"}]'),
    suspect: ['quay.io/a/proxy:7'],
  },
  {
    name: 'YAML in a config map, comments left out',
    text: configMap('config.yaml', `# image: quay.io/a/old:1\nproxy:\n  image: org/app:2\n  other: ${app}`),
    suspect: ['docker.io/org/app:2', app],
  },
  {
    name: 'JSON in a config map',
    text: configMap('config.json', `{"proxy": {"name": "${app}"}}`),
    suspect: [app],
  },
  {
    name: 'a template in a config map',
    text: configMap('template', `{{- if .Values.on }}\nimage: ${app}\nother: quay.io/a/b:1.2{{ .Tag }}\n{{- end }}`),
    suspect: [app],
  },
  {
    name: 'TOML and properties in a config map',
    text: configMap('config.toml', `[plugins]\nsandbox_image = "registry.k8s.io/pause:3.10"\nmy.image=org/app:1`),
    suspect: ['docker.io/org/app:1', 'registry.k8s.io/pause:3.10'],
  },
  {
    name: 'a manifest in a config map',
    text: configMap('pod.yaml', 'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: busybox'),
    suspect: ['docker.io/library/busybox:latest'],
  },
  {
    name: 'a key of a config map',
    text: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {helper-image: "org/helper:1"}\n',
    suspect: ['docker.io/org/helper:1'],
  },
  {
    name: 'a secret, coded and plain',
    text: `apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {config: ${Buffer.from(`image: ${app}\nx: 1`).toString('base64')}}\nstringData: {other: "run quay.io/a/b:1"}\n`,
    suspect: [app, 'quay.io/a/b:1'],
  },
  {
    name: 'a config map that names a registry from which a certain image comes',
    text: `${pod('image: "goods.example.org/a:1"')}---\n${configMap('list', 'goods.example.org/team/b:2 and more.example.org/c:3')}`,
    certain: ['goods.example.org/a:1'],
    suspect: ['goods.example.org/team/b:2'],
  },
  {
    name: 'repository, image and version',
    text: of(
      'nvidia.com/v1',
      'ClusterPolicy',
      '{driver: {repository: nvcr.io/nvidia, image: driver, version: "550.1"}}',
    ),
    suspect: ['nvcr.io/nvidia/driver:550.1'],
  },
  {
    name: 'registry, repository and tag below image',
    text: of(
      'x.example.org/v1',
      'Thing',
      '{image: {registry: quay.io, repository: a/app, tag: 1}, other: {image: {repository: org/b, tag: v1}}}',
    ),
    suspect: ['docker.io/org/b:v1', app],
  },
  {
    name: 'name and tag, below image and beside a registry; a name beside a repository is another',
    text: of(
      'x.example.org/v1',
      'Thing',
      '{image: {name: quay.io/a/app, tag: 1}, b: {registry: quay.io, name: b, tag: 1}, c: {name: see, repository: quay.io/a/c, tag: 1}}',
    ),
    suspect: [app, 'quay.io/a/c:1', 'quay.io/b:1'],
  },
  {
    name: 'a pod in one line within YAML in a config map',
    text: configMap('jenkins.yaml', "templates:\n- yaml: 'spec: {containers: [{image: maven}]}'"),
    suspect: ['docker.io/library/maven:latest'],
  },
  {
    name: 'repository and digest',
    text: of('x.example.org/v1', 'Thing', `{web: {repository: quay.io/a/web, digest: "${digest}"}}`),
    suspect: [`quay.io/a/web@${digest}`],
  },
  {
    name: 'image and version apart',
    text: of('x.example.org/v1', 'Thing', '{image: quay.io/a/app, version: "1"}'),
    suspect: [app],
  },
  {
    name: 'split keys with dots in a config map',
    text: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {web.repository: quay.io/a/web, web.tag: "1", log.tag: "2"}\n',
    suspect: ['quay.io/a/web:1'],
  },
  {
    name: 'hub, tag and images below',
    text: configMap('values', '{"global": {"hub": "docker.io/istio", "tag": "1.24", "proxy": {"image": "proxyv2"}}}'),
    suspect: ['docker.io/istio/proxyv2:1.24'],
  },
  {
    name: 'values of a Helm release within a custom resource',
    text: of(
      'helm.cattle.io/v1',
      'HelmChart',
      '{valuesContent: "image:\\n  repository: quay.io/a/app\\n  tag: \'1\'\\n"}',
    ),
    suspect: [app],
  },
  {
    name: 'an annotation',
    text: of('apps/v1', 'Deployment', '{}', `, annotations: {example.org/helper-image: "${app}"}`),
    suspect: [app],
  },
];

/** What only looks like an image. */
const NOTHING: readonly HidingPlace[] = [
  {
    name: 'a sentence about an image',
    text: configMap('board.json', '{"title": "image: foo:1", "image": "/img/a.png"}'),
  },
  {
    name: 'placeholders',
    text: pod('image: auto, env: [{name: IMAGE, value: ""}, {name: IMAGE_B, value: "{{ x }}:1"}]'),
  },
  {
    name: 'a schema with an example',
    text: of('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `{example: {containers: [{image: "${app}"}]}}`),
  },
  {
    name: 'words about images',
    text: of(
      'x.example.org/v1',
      'Thing',
      '{image: photo.jpg, imagePullPolicy: "Always", imagePullSecrets: [{name: "a:b"}], machineImage: ami-1, imageSize: "10:20"}',
    ),
  },
  {
    name: 'addresses and taints in arguments',
    text: pod(
      'args: ["--listen=0.0.0.0:8080", "--url=http://a.example.org/x:1", "--upstream=web.ns.svc:80/health:1", "--taint=node.kubernetes.io/not-ready:NoExecute", "--taint=example.org/gpu:NoSchedule", "/etc/a.d/b:ro"]',
    ),
  },
  {
    name: 'sources of code and charts',
    text: of(
      'x.example.org/v1',
      'App',
      '{source: {repository: github.com/a/b, tag: v1}, chart: {repository: "https://charts.example.org", version: "1"}}',
    ),
  },
  {
    name: 'hosts of no known registry in text',
    text: configMap('text', 'see www.example.org/a/b:1 and https://quay.io/a/b:1\nlog: quay.io/a/app'),
  },
  {
    name: 'a resource as kubectl applied it',
    text: of(
      'x.example.org/v1',
      'Thing',
      '{}',
      `, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"image":"${app}"}'}`,
    ),
  },
  {
    name: 'fields of Kubernetes itself',
    text: 'apiVersion: v1\nkind: Node\nmetadata: {name: x}\nstatus: {images: [{names: ["quay.io/a/app:1"]}]}\n',
  },
  {
    name: 'a secret that is no text',
    text: `apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: ${Buffer.from(`\0 pull ${app} now`).toString('base64')}}\n`,
  },
];

/** Texts within what Kubernetes itself has no text for: arguments, variables, annotations. */
const WITHIN: readonly HidingPlace[] = [
  {
    name: 'an argument in quotation marks',
    text: pod(`image: "${app}", args: ['--image="quay.io/a/b:1"']`),
    certain: [app],
    suspect: ['quay.io/a/b:1'],
  },
  {
    name: 'JSON in an argument',
    text: pod(`image: "${app}", args: ['--config={"image":"a/b:1","x":"quay.io/a/c:1"}']`),
    certain: [app],
    suspect: ['docker.io/a/b:1', 'quay.io/a/c:1'],
  },
  {
    name: 'containers in an argument',
    text: `apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  containers:
    - image: ${app}
      args:
        - |
          containers:
          - image: a/b
`,
    certain: [app],
    suspect: ['docker.io/a/b:latest'],
  },
  {
    name: 'YAML and JSON in variables',
    text: pod(
      `image: "${app}", env: [{name: A, value: "image: a/b:1\\nside:\\n- image: a/c:2"}, {name: B, value: '{"x":"h.example.org/a/d:3"}'}]`,
    ),
    certain: [app],
    suspect: ['docker.io/a/b:1', 'docker.io/a/c:2', 'h.example.org/a/d:3'],
  },
  {
    name: 'JSON in an annotation',
    text: of('apps/v1', 'Deployment', '{}', `, annotations: {a.example.org/cfg: '{"image":"a/b:1"}'}`),
    suspect: ['docker.io/a/b:1'],
  },
  {
    name: 'lines of a variable that are settings',
    text: configMap('env', 'IMAGE=a/b:1.35\nMODE=fast'),
    suspect: ['docker.io/a/b:1.35'],
  },
  {
    name: 'an option in a script',
    text: configMap(
      'run.sh',
      'set -e\nkubectl run x --image=a/b:1 --image-pull-policy=a:b\nkubectl debug --image a/c:2',
    ),
    suspect: ['docker.io/a/b:1', 'docker.io/a/c:2'],
  },
  {
    name: 'a name that another takes the place of',
    text: of('argoproj.io/v1alpha1', 'Application', '{source: {kustomize: {images: ["a/x=a/b:1", "quay.io/a/c:2"]}}}'),
    suspect: ['docker.io/a/b:1', 'quay.io/a/c:2'],
  },
  {
    name: 'a mapping of images',
    text: of('x.example.org/v1', 'Thing', '{images: {a: "a/b:1", ttl: "1:30", c: "quay.io/a/c:2"}}'),
    suspect: ['docker.io/a/b:1', 'quay.io/a/c:2'],
  },
  {
    name: 'text among binary data',
    text: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nbinaryData: {a: ${Buffer.from('image: a/b:1\nb: c\n').toString('base64')}, b: AAECAw==}\n`,
    suspect: ['docker.io/a/b:1'],
  },
  {
    name: 'arguments, variables and annotations that are structured and name none',
    text: pod(
      `image: "${app}", args: ['--flags={"image":"","tag":"1:2"}', "a: b\\nc: d:1"], env: [{name: A, value: '{"imagePullPolicy":"Always","at":"10:20"}'}]`,
      ', schedulerName: "a:b"',
    ),
    certain: [app],
  },
];

export const HIDING_PLACES: readonly HidingPlace[] = [...CERTAIN, ...SUSPECT, ...WITHIN, ...NOTHING];
