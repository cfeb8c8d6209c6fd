/** Kubernetes itself: a MutatingAdmissionPolicy that names images by their places as pods are made. */
import { stringify } from 'yaml';
import { HEADING, type MirrorDialect, type MirrorFiles } from '../dialect.ts';
import type { MirrorMap } from '../mirror-map.ts';

/** @see https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/ */
export const admission: MirrorDialect = {
  title: 'a MutatingAdmissionPolicy of Kubernetes',
  write(map): MirrorFiles {
    const written = [policyOf(map), bindingOf(map)].map((object) => stringify(object, { lineWidth: 0 }));
    return {
      files: [{ path: 'admission-policy.yaml', content: `${HEADING}\n${written.join('---\n')}` }],
      unexpressed: [],
      steps: [
        '`kubectl apply -f admission-policy.yaml`, on Kubernetes 1.36 or newer; it changes pods that are made from then on, and ' +
          'no images in arguments, environment variables or custom resources',
      ],
    };
  },
};

function policyOf({ registries, name }: MirrorMap): object {
  const redirects = registries
    .flatMap((registry) => registry.redirects)
    .sort((one, other) => other.from.length - one.from.length)
    .map(({ from, to }) => `  [${JSON.stringify(from)}, ${JSON.stringify(to)}],\n`);
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    metadata: { name },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
          { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] },
        ],
      },
      // The kubelet compares the mirror of a static pod with its file.
      matchConditions: [
        {
          name: 'is-no-mirror-pod',
          expression: "!('kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({}))",
        },
      ],
      // A pod that cannot be changed still starts where its images are on the node.
      failurePolicy: 'Ignore',
      reinvocationPolicy: 'IfNeeded',
      variables: [
        { name: 'redirects', expression: `[\n${redirects.join('')}]` },
        { name: 'isMade', expression: "request.?subResource.orValue('') == ''" },
      ],
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: patch() } }],
    },
  };
}

function bindingOf({ name }: MirrorMap): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name },
  };
}

/** Every field of a pod that names an image; of a pod that runs, those of the containers that are put into it. */
function patch(): string {
  const list = (field: string, condition: string): string => `    ${field}: !(${condition}) ? [] : object.spec.?${field}.orValue([]).map(item, Object.spec.${field}{
      name: item.name,
      image: ${imageAt('item.image')}
    })`; // prettier-ignore
  return `Object{
  spec: Object.spec{
${list('containers', 'variables.isMade')},
${list('initContainers', 'variables.isMade')},
${list('ephemeralContainers', '!variables.isMade')},
    volumes: !variables.isMade ? [] : object.spec.?volumes.orValue([]).filter(item, has(item.image)).map(item, Object.spec.volumes{
      name: item.name,
      image: Object.spec.volumes.image{reference: ${imageAt('item.image.reference')}}
    })
  }
}
`;
}

/** Where an image is: its name, with the host and the path that Docker Hub leaves out, by the longest redirect. */
function imageAt(image: string): string {
  return `([${image}.find('^([^/@]+/)*[^/:@]+')].map(name,
        [name.matches('^([^/]*[.:][^/]*|localhost)/') ? name : 'docker.io/' + name].map(named,
        [named.startsWith('index.docker.io/') ? named.substring(6) : named].map(hub,
        [hub.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + hub.substring(10) : hub].map(full,
          variables.redirects.filter(each, full == each[0] || full.startsWith(each[0] + '/'))
            .map(each, each[1] + full.substring(size(each[0])) + ${image}.substring(size(name)))
      ))))[0][0][0][0] + [${image}])[0]`;
}
