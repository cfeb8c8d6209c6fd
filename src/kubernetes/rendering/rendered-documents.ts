/** Takes apart what `helm template` prints. */
import type { RenderedDocument } from './chart-renderer.ts';

/** Helm starts each document so; within one it leaves no line that starts with `---`, but for the files of `crds/`. */
const HEADING = /^---\n# Source: (.*)\n/gm;

/** The documents of a manifest, in its order. */
export function splitManifest(manifest: string): readonly RenderedDocument[] {
  const headings = [...manifest.matchAll(HEADING)];
  return headings.map((heading, index) => ({
    source: heading[1] ?? '',
    text: manifest.slice(heading.index + heading[0].length, headings[index + 1]?.index),
  }));
}
