/** Reads what a load or a mirror run left: where each image is now. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { readBounded } from '../../base/files/read-file.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { UsageError } from '../../errors.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

const MAX_BYTES = 64 * 1024 * 1024;

/** One image of a load. */
export interface LoadedImage {
  readonly original: Reference;
  readonly internal: Reference;
  /** Of what is there; `mapping.txt` does not say it. */
  readonly digest?: Digest | undefined;
}

/** What is read of a report; the rest is for others. */
const Report = z.object({
  images: z.array(
    z.object({
      original: z.string(),
      internal: z.string(),
      digest: z.string().optional(),
      pushedDigest: z.string().optional(),
    }),
  ),
});

/**
 * The images of a `mapping.txt`, of a JSON report of a load or a mirror run, or of the directory where both are.
 * @throws NotFoundError when there is none.
 * @throws UsageError `INVALID_SPEC` naming the file and the line, or what is wrong with the report.
 */
export async function readMapping(path: string, signal?: AbortSignal): Promise<readonly LoadedImage[]> {
  const isDirectory = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isDirectory ? join(path, 'mapping.txt') : path;
  const bytes = await readBounded(file, { what: 'a mapping of images', limit: MAX_BYTES, signal });
  return /^\s*\{/.test(bytes.subarray(0, 100).toString('latin1'))
    ? parseReport(bytes, file)
    : parseMapping(bytes, file);
}

function parseMapping(bytes: Buffer, file: string): readonly LoadedImage[] {
  const images = bytes
    .toString('utf8')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const trimmed = line.trim();
      if (trimmed === '' || trimmed.startsWith('#')) return [];
      const [, original, internal] = /^([^=\s]+)=([^=\s]+)$/.exec(trimmed) ?? [];
      const image = toImage(original, internal);
      if (image === undefined) throw refused(file, `:${index + 1}: not a line of a mapping: ${trimmed.slice(0, 200)}`);
      return [image];
    });
  if (images.length === 0) throw refused(file, ' names no image');
  return images;
}

function parseReport(bytes: Buffer, file: string): readonly LoadedImage[] {
  let document: unknown;
  try {
    document = parseJson(bytes, { maxBytes: MAX_BYTES });
  } catch (error) {
    throw refused(file, ` ${jsonFaultOf(error)}`);
  }
  const report = Report.safeParse(document);
  if (!report.success) throw refused(file, ' is no report of images in a registry');
  const images = report.data.images.map(({ original, internal, digest, pushedDigest = digest }) => {
    const image = toImage(original, internal);
    if (image === undefined) throw refused(file, `: ${original} at ${internal} is no image`);
    return { ...image, ...(pushedDigest !== undefined && isDigest(pushedDigest) ? { digest: pushedDigest } : {}) };
  });
  if (images.length === 0) throw refused(file, ' names no image');
  return images;
}

function toImage(original = '', internal = ''): LoadedImage | undefined {
  try {
    return { original: parseReference(original), internal: parseReference(internal) };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function refused(file: string, fault: string): UsageError {
  return new UsageError('INVALID_SPEC', `${file}${fault}`, {
    hint: 'give mapping.txt or the JSON report that a load into a registry wrote (--report DIR), or that directory',
  });
}
