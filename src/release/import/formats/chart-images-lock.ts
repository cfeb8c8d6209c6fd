/** `Images.lock` of a chart, as the distribution tooling for Helm (dt) writes it. @see https://github.com/vmware-labs/distribution-tooling-for-helm */
import { ComponentDraft, toPlatforms } from '../component-draft.ts';
import type { Field, ForeignFile } from '../foreign-file.ts';
import type { ImportedRelease } from '../imported-release.ts';

/** Whether a document is such a lock, and not imgpkg's, which has the same kind. */
export function isChartImagesLock({ kind, apiVersion }: Readonly<Record<string, unknown>>): boolean {
  return kind === 'ImagesLock' && apiVersion === 'v0';
}

/** Reads the images, and names the chart beside the lock. */
export function readChartImagesLock([document]: readonly Field[], file: ForeignFile): ImportedRelease {
  if (document === undefined) return { components: [], unexpressed: file.unexpressed };
  const chart = document.get('chart');
  const draft = new ComponentDraft(chart.get('name').text || 'images');
  const platforms = new Set<string>();
  for (const image of document.get('images').items) {
    const reference = image.get('image').requiredText;
    const own = toPlatforms(
      image,
      image.get('digests').items.flatMap((digest) => digest.get('arch').text ?? []),
    );
    for (const platform of own) platforms.add(platform);
    if (reference !== undefined) draft.addImage(image, reference, { platforms: own });
    image.leaveUnknown(['name', 'image', 'chart', 'digests']);
  }
  draft.addChart({ chart: '.', values: [], at: chart.isThere ? chart.at : document.at });
  const first = document.get('images').items[0]?.get('digests');
  if (first?.isThere === true) {
    file.remark(
      first.at,
      'digests of single platforms are not taken over: resolve pins each image by what its tag is then',
    );
  }
  return {
    version: chart.get('version').text,
    name: chart.get('name').text,
    platforms: platforms.size === 0 ? undefined : [...platforms].sort(),
    components: [draft.finish()],
    unexpressed: file.unexpressed,
  };
}
