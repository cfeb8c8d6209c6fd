/** The command lines of the field's own tools, as their users write them. */
import { findTool, toolPath } from '../test/helpers/tools.ts';
import { shell } from './contender.ts';
import type { Corpus } from './corpus.ts';
import type { Command } from './measure.ts';

/** Debian's skopeo and the one of its next release. */
export const SKOPEOS = ['skopeo', 'skopeo-current'] as const;
export type Skopeo = (typeof SKOPEOS)[number];

/** Every image into one layout directory, where shared blobs are stored once, and that into a tar. */
export function skopeoBuild(tool: Skopeo, corpus: Corpus, source: string, work: string): Command {
  const copies = corpus.references.map(
    (reference) =>
      `${toolPath(tool)} copy --quiet --all --src-tls-verify=false docker://${source}/${reference} oci:layout:${nameOf(reference)}`,
  );
  return shell([...copies, 'tar cf layout.tar -C layout .'], work);
}

/** From a layout directory, or from its tar, to a registry. */
export function skopeoLoad(
  tool: Skopeo,
  transport: 'oci' | 'oci-archive',
  from: string,
  corpus: Corpus,
  target: string,
): Command {
  return shell(
    corpus.references.map(
      (reference) =>
        `${toolPath(tool)} copy --quiet --all --dest-tls-verify=false ${transport}:${from}:${nameOf(reference)} docker://${target}/${reference}`,
    ),
  );
}

/** From registry to registry. */
export function skopeoMirror(tool: Skopeo, corpus: Corpus, source: string, target: string): Command {
  const flags = '--quiet --all --src-tls-verify=false --dest-tls-verify=false';
  return shell(
    corpus.references.map(
      (reference) => `${toolPath(tool)} copy ${flags} docker://${source}/${reference} docker://${target}/${reference}`,
    ),
  );
}

/** All images with one command, then a tar. */
export function craneBuild(corpus: Corpus, source: string, work: string): Command {
  const images = corpus.references.map((reference) => `${source}/${reference}`).join(' ');
  return shell(
    [`${toolPath('crane')} pull --insecure --format=oci ${images} layout`, 'tar cf layout.tar -C layout .'],
    work,
  );
}

/** Image by image into one layout, then a tar. */
export function orasBuild(corpus: Corpus, source: string, work: string): Command {
  const copies = corpus.references.map(
    (reference) =>
      `${toolPath('oras')} copy --no-tty --from-plain-http --to-oci-layout ${source}/${reference} layout:${nameOf(reference)}`,
  );
  return shell([...copies, 'tar cf layout.tar -C layout .'], work);
}

/** Whether the machine has a tool; what it lacks does not take part, and the report says so. */
export function hasTool(name: string): boolean {
  return findTool(name) !== undefined;
}

/** `bench/image-01:1.0.0` as the tag of a layout. */
function nameOf(reference: string): string {
  return reference.replace('bench/', '').replace(':', '-');
}
