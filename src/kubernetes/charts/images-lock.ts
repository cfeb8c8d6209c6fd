/**
 * `Images.lock` of a chart: its images, each with the digests that its maker saw, by platform.
 * @see https://github.com/vmware-labs/distribution-tooling-for-helm#images-lock-file
 */
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError, UsageError } from '../../errors.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { formatPlatform, parsePlatform } from '../../oci/platform.ts';
import { parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { ImageHit } from '../resources/images.ts';
import { isMapping } from '../resources/yaml-documents.ts';
import type { Chart } from './load-chart.ts';

const FILE = 'Images.lock';
const KIND = 'ImagesLock';

/** What the image of a platform has to be. */
export interface ExpectedDigest {
  /** In canonical form. */
  readonly platform: string;
  readonly digest: Digest;
}

/** An image that a chart declares, with what it has to be where the chart says so. */
export interface DeclaredImage extends ImageHit {
  readonly expected?: readonly ExpectedDigest[] | undefined;
}

/**
 * The images of a chart's own `Images.lock`; none where it has no such file.
 * @throws UsageError `INVALID_SPEC` naming the file and the entry, for one that cannot be read.
 */
export function readImagesLock({ place, files }: Pick<Chart, 'place' | 'files'>): readonly DeclaredImage[] {
  const file = files.find(({ path }) => path === FILE);
  if (file === undefined) return [];
  const name = `${place}/${FILE}`;
  const value = readYaml(String(file.bytes), name)[0]?.value;
  const images: unknown = isMapping(value) && value['kind'] === KIND ? (value['images'] ?? []) : undefined;
  if (!Array.isArray(images)) throw invalid(name, `is no ${KIND} with a list of images`);
  return images.map((entry: unknown, index) => readEntry(entry, `${name} images[${index}]`));
}

function readEntry(entry: unknown, at: string): DeclaredImage {
  if (!isMapping(entry) || typeof entry['image'] !== 'string') throw invalid(at, 'has no image');
  const digests: unknown = entry['digests'] ?? [];
  if (!Array.isArray(digests)) throw invalid(at, 'digests is no list');
  try {
    const expected = digests.map((each: unknown, index): ExpectedDigest => {
      const { arch, digest } = isMapping(each) ? each : {};
      if (typeof arch !== 'string' || typeof digest !== 'string' || !isDigest(digest)) {
        throw invalid(`${at} digests[${index}]`, 'has no arch, or no digest');
      }
      return { platform: formatPlatform(parsePlatform(arch)), digest };
    });
    return { reference: withDefaultTag(parseReference(entry['image'])), at, expected };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'INVALID_SPEC') throw error;
    throw invalid(at, error.message, error);
  }
}

function invalid(at: string, why: string, cause?: unknown): UsageError {
  return new UsageError('INVALID_SPEC', `${at}: ${why}`, {
    hint: 'make the file again with `dt images lock`, or remove it from the chart',
    cause,
  });
}
