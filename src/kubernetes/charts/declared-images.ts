/** The images that charts declare in their annotations, and the charts that declare none although they run some. */
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError, UsageError } from '../../errors.ts';
import { parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { ImageHit } from '../resources/images.ts';
import { isMapping } from '../resources/yaml-documents.ts';
import { readImagesLock, type DeclaredImage } from './images-lock.ts';
import type { Chart } from './load-chart.ts';

/** Annotations by which charts list their images: Bitnami's, Artifact Hub's, and Helm's proposal 15. */
const IMAGE_ANNOTATIONS = ['images', 'artifacthub.io/images', 'helm.sh/images'] as const;
/** What a template that runs an image holds. */
const RUNS_IMAGE = /(^|[\s"'{,-])image["']?\s*:/;

/**
 * The images a chart and the charts below it declare in their annotations, or in an Images.lock.
 * @throws UsageError `INVALID_SPEC` naming the chart, the annotation and the entry that is no reference.
 */
export function findDeclaredImages(chart: Chart): readonly DeclaredImage[] {
  const { place, metadata, subcharts } = chart;
  const own = IMAGE_ANNOTATIONS.flatMap((key) =>
    readAnnotation(metadata.annotations?.[key], `${place}/Chart.yaml annotations["${key}"]`),
  );
  return [...own, ...readImagesLock(chart), ...subcharts.flatMap(findDeclaredImages)];
}

/**
 * The places of charts with templates that run images where neither the chart nor one above it declares any: what they
 * pull is known only after rendering.
 */
export function findSilentCharts(chart: Chart): readonly string[] {
  const isDeclaring =
    IMAGE_ANNOTATIONS.some((key) => (chart.metadata.annotations?.[key] ?? '').trim() !== '') ||
    readImagesLock(chart).length > 0;
  if (isDeclaring) return [];
  const isSilent = chart.files.some(({ path, bytes }) => path.startsWith('templates/') && RUNS_IMAGE.test(String(bytes)));
  return [...(isSilent ? [chart.place] : []), ...chart.subcharts.flatMap(findSilentCharts)];
}

function readAnnotation(text: string | undefined, at: string): readonly ImageHit[] {
  if (text === undefined || text.trim() === '') return [];
  const [document] = readYaml(text, at);
  const entries: unknown = document?.value;
  if (!Array.isArray(entries)) {
    throw new UsageError('INVALID_SPEC', `${at}: must be a list of images`, {
      hint: 'each entry has a name and an image: "- name: app\\n  image: registry/app:1.0"',
    });
  }
  return entries.map((entry: unknown, index): ImageHit => {
    const image: unknown = isMapping(entry) ? entry['image'] : entry;
    const place = `${at}[${index}]`;
    if (typeof image !== 'string') throw new UsageError('INVALID_SPEC', `${place}: has no image`);
    try {
      return { reference: withDefaultTag(parseReference(image)), at: place };
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      throw new UsageError('INVALID_SPEC', `${place}: ${error.message}`, { hint: error.hint, cause: error });
    }
  });
}
