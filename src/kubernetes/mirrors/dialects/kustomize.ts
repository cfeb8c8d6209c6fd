/** kustomize: a component whose `images:` rename what manifests name. */
import { stringify } from 'yaml';
import type { Reference } from '../../../oci/reference.ts';
import { HEADING, type MirrorDialect, type MirrorFiles } from '../dialect.ts';
import { repositoryName } from '../mirror-map.ts';

const HUB = 'docker.io';
const OFFICIAL = 'library/';

/** @see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/ */
export const kustomize: MirrorDialect = {
  title: 'kustomize (a component with images:)',
  write({ registries }): MirrorFiles {
    const entries = new Map<string, string>();
    for (const { original, internal } of registries.flatMap(({ images }) => images)) {
      for (const name of spellingsOf(original)) entries.set(name, repositoryName(internal));
    }
    // Each entry sees what those before it wrote: what is named like the place of another comes first.
    const places = new Set(entries.values());
    const ordered = [...entries].sort(([one], [other]) => Number(places.has(other)) - Number(places.has(one)));
    const component = {
      apiVersion: 'kustomize.config.k8s.io/v1alpha1',
      kind: 'Component',
      images: ordered.map(([name, newName]) => ({ name, newName })),
    };
    return {
      files: [{ path: 'kustomization.yaml', content: `${HEADING}\n${stringify(component, { lineWidth: 0 })}` }],
      unexpressed: [],
      steps: [
        'name its directory under components: of a kustomization.yaml; it renames the images of containers, and none that ' +
          'stand in arguments, environment variables or custom resources',
      ],
    };
  },
};

/** Names are compared as they are written: every way to write a repository of Docker Hub. */
function spellingsOf({ registry, repository }: Reference): readonly string[] {
  if (registry !== HUB) return [`${registry}/${repository}`];
  const paths = repository.startsWith(OFFICIAL) ? [repository.slice(OFFICIAL.length), repository] : [repository];
  return ['', `${HUB}/`, `index.${HUB}/`].flatMap((front) => paths.map((path) => `${front}${path}`));
}
