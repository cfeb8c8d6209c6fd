/** What a release wants once its components are put together: each image and each file once, however many name it. */
import { memberPathFault } from '../../base/tar/ustar.ts';
import { UsageError } from '../../errors.ts';
import type { ExpectedDigest } from '../../kubernetes/charts/images-lock.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { GraphImage } from '../../content/content-graph.ts';
import type { LockFile, LockImage } from '../../release/lock/lock-schema.ts';
import type { ImageOrigin } from '../../release/spec/spec-schema.ts';
import type { CollectedComponent } from './collect.ts';

/** One image to pin. */
export interface RequestedImage {
  readonly reference: Reference;
  readonly origin: ImageOrigin;
  readonly platforms: readonly string[] | 'all';
  readonly lock: LockImage;
  /** What it has to be on its platforms, and which file says so. */
  readonly expected: readonly (ExpectedDigest & { readonly by: string })[];
}

/**
 * An image that several components name is one image, wherever it was found. What a person lists decides where it comes
 * from and for which platforms; resources and charts say neither.
 */
export function uniteImages(
  components: readonly CollectedComponent[],
  platforms: readonly string[] | 'all',
): Map<string, RequestedImage> {
  const requested = new Map<string, RequestedImage>();
  const all = components.flatMap((component) => component.images);
  const listed = all.filter(({ isFound }) => isFound !== true);
  const listedAs = new Map(listed.map((image) => [formatReference(image.reference), image]));
  for (const image of [...listed, ...all.filter(({ isFound }) => isFound === true)]) {
    const { reference, foundIn, accepted } = image;
    const text = formatReference(reference);
    const known = requested.get(text);
    const own = (image.expected ?? []).map((each) => ({ ...each, by: foundIn }));
    const expected = [...(known?.expected ?? []), ...own];
    if (image.isFound === true && known !== undefined && listedAs.has(text)) {
      requested.set(text, { ...known, expected, lock: { ...known.lock, foundIn: [...known.lock.foundIn, foundIn] } });
      continue;
    }
    const { origin, platforms: wanted } = image;
    if (known !== undefined && known.origin !== origin) throw twoOrigins(text, [...known.lock.foundIn, foundIn]);
    const chosen = wanted?.map(formatPlatform);
    const union =
      known === undefined
        ? chosen
        : chosen && known.lock.platforms && [...new Set([...known.lock.platforms, ...chosen])].sort();
    requested.set(text, {
      reference,
      origin,
      platforms: union ?? platforms,
      expected,
      lock: {
        reference: text,
        ...(origin === 'docker-daemon' ? { from: origin } : {}),
        ...(union === undefined ? {} : { platforms: union }),
        foundIn: [...(known?.lock.foundIn ?? []), foundIn],
        ...(accepted === undefined ? {} : { accepted }),
      },
    });
  }
  return requested;
}

/**
 * Files by path.
 * @throws UsageError `INVALID_SPEC` for two contents under one path, two paths that differ by case only, and names that
 *   some system takes for something else.
 */
export function uniteFiles(components: readonly CollectedComponent[]): LockFile[] {
  const files = new Map<string, LockFile>();
  const folded = new Map<string, string>();
  for (const { content: _, ...file } of components.flatMap((component) => component.files)) {
    const { path, from, kind, digest } = file;
    const fault = memberPathFault(path);
    if (fault !== undefined) throw unportable(path, from, fault);
    const known = files.get(path);
    const other = folded.get(path.toLowerCase());
    if (known !== undefined && known.digest !== digest && kind === 'chart') throw twoCharts(path, known.from, from);
    if ((known !== undefined && known.digest !== digest) || (other !== undefined && other !== path)) {
      throw new UsageError(
        'INVALID_SPEC',
        `${from} and ${known?.from ?? other ?? path} would both become ${path} in the archive`,
        {
          hint: 'rename one of them; names must differ by more than the case of letters',
        },
      );
    }
    folded.set(path.toLowerCase(), path);
    files.set(path, file);
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function unportable(path: string, from: string, fault: string): UsageError {
  return new UsageError('INVALID_SPEC', `${from} cannot be carried as ${path}: it ${fault}`, {
    hint: 'give it a shorter or plainer name, or pack the directory into one file',
  });
}

/** Two packages of one name and version differ at least in time; registries and sites know one of them only. */
function twoCharts(path: string, one: string, other: string): UsageError {
  return new UsageError('INVALID_SPEC', `${one} and ${other} are two charts of one name and version (${path})`, {
    hint: 'name one of them only, or give one of them another version in its Chart.yaml',
  });
}

function twoOrigins(reference: string, foundIn: readonly string[]): UsageError {
  return new UsageError(
    'INVALID_SPEC',
    `${reference} is taken once from its registry and once from the Docker Engine`,
    {
      hint: `decide for one: ${foundIn.join(', ')}`,
    },
  );
}

/**
 * Insists that one tag means one image, since importers and registries know images by tag; and so for the tags of evidence,
 * which images of one repository can share.
 * @throws UsageError `INVALID_SPEC` naming both references.
 */
export function checkNames(images: readonly GraphImage[]): void {
  const named = new Map<string, { readonly reference: string; readonly digest: Digest }>();
  const check = (name: Reference, digest: Digest, reference: string, what: string, hint: string): void => {
    if (name.tag === undefined) return;
    const text = formatReference(name);
    const other = named.get(text);
    if (other !== undefined && other.digest !== digest) {
      throw new UsageError('INVALID_SPEC', `${other.reference} and ${reference} are two ${what} under one tag`, {
        hint,
      });
    }
    named.set(text, { reference, digest });
  };
  for (const { reference, digest, evidence = [] } of images) {
    const { registry, repository, tag } = parseReference(reference);
    const image = { registry, repository, ...(tag === undefined ? {} : { tag }) };
    check(image, digest, reference, 'images', 'pin both to the same digest, or give one of them another tag');
    for (const { tag: own, digest: vouching } of evidence) {
      const hint = 'one was found earlier than the other: run `airgap resolve --refresh-evidence`';
      if (own !== undefined) check({ ...image, tag: own }, vouching, `evidence of ${reference}`, 'things', hint);
    }
  }
}
