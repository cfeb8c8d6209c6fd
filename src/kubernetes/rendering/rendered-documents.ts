/** Takes apart what `helm template` prints, and puts it together. */
import type { RenderedDocument } from './chart-renderer.ts';

/** Helm starts each document so; within one it leaves no line that starts with `---`, but for the files of `crds/`. */
const HEADING = /^---\n# Source: (.*)\n/gm;
/** Files of `crds/` are printed as they are. */
const TEMPLATE = /\/templates\//;

/**
 * The documents of a manifest, in its order. From 4.2 on, Helm keeps the line breaks that stand before a separator; those
 * before took them off. They are taken off here, so that a chart renders to the same text by every Helm.
 */
export function splitManifest(manifest: string): readonly RenderedDocument[] {
  const headings = [...manifest.matchAll(HEADING)];
  return headings.map((heading, index) => {
    const source = heading[1] ?? '';
    const text = manifest.slice(heading.index + heading[0].length, headings[index + 1]?.index);
    return { source, text: TEMPLATE.test(source) ? `${text.trimEnd()}\n` : text };
  });
}

/** What `helm template` prints for these documents. */
export function joinDocuments(documents: readonly RenderedDocument[]): string {
  return documents.map(({ source, text }) => `---\n# Source: ${source}\n${text}`).join('') || '\n';
}
