/** Trust documents on disk: `<version>.trust.json`, one file for each version, in one directory. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { placeFile } from '../../base/files/place-file.ts';
import { readBounded } from '../../base/files/read-file.ts';
import { NotFoundError, toInputError, UsageError } from '../../errors.ts';
import type { TrustDocument } from './trust-document-schema.ts';
import { parseTrustFile, type TrustRecord, type TrustVersions } from './trust-document.ts';
import { serializeEnvelope } from '../signatures/dsse.ts';

/** Bytes of one file that are read at all. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_VERSIONS = 1_000;
const FILE_NAME = /^([1-9][0-9]{0,6})\.trust\.json$/;

/** `3.trust.json` */
export function trustFileName(version: number): string {
  return `${version}.trust.json`;
}

/** The version a file name promises, or undefined for any other name. */
export function versionOfFileName(name: string): number | undefined {
  const digits = FILE_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Reads one trust file; `signal` ends the wait for a stream, see readBounded.
 * @throws NotFoundError when there is none. @throws UsageError `USAGE` when it is damaged, or its name promises another version:
 * an archive that carries one has its own reader.
 */
export async function readTrustFile(path: string, signal?: AbortSignal): Promise<TrustRecord> {
  const bytes = await readBounded(path, {
    what: 'a trust document, such as 1.trust.json,',
    limit: MAX_FILE_BYTES,
    signal,
  });
  const record = parseGiven(bytes, path);
  const promised = versionOfFileName(basename(path));
  if (promised === undefined || promised === record.document.version) return record;
  throw new UsageError('USAGE', `${path} holds version ${record.document.version}`, {
    hint: `call it ${trustFileName(record.document.version)}`,
  });
}

/**
 * All versions in a directory, oldest first and without gaps.
 * @throws NotFoundError when there are none. @throws UsageError when a version between is missing.
 */
export async function readTrustDirectory(directory: string): Promise<TrustVersions> {
  const versions = (await listNames(directory)).flatMap((name) => versionOfFileName(name) ?? []).sort((a, b) => a - b);
  if (versions.length > MAX_VERSIONS)
    throw new UsageError('USAGE', `${directory} holds more than ${MAX_VERSIONS} versions`);
  const gap = versions.find((version, index) => index > 0 && versions[index - 1] !== version - 1);
  if (gap !== undefined) {
    throw new UsageError('USAGE', `${directory} has ${trustFileName(gap)} and not ${trustFileName(gap - 1)}`, {
      hint: 'keep every version: sites that pinned an old one follow the chain',
    });
  }
  const records: TrustRecord[] = [];
  for (const version of versions) records.push(await readTrustFile(join(directory, trustFileName(version))));
  const [first, ...rest] = records;
  if (first !== undefined) return [first, ...rest];
  throw new NotFoundError('NOT_FOUND', `${directory} holds no trust document`, {
    hint: `begin one with: airgap trust init ${directory}`,
  });
}

/**
 * The chain that a path stands for: all of a directory; or a file, with the versions before it that lie beside it under
 * their own names.
 */
export async function readTrustChain(path: string, signal?: AbortSignal): Promise<TrustVersions> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return readTrustDirectory(path);
  const newest = await readTrustFile(path, signal);
  if (versionOfFileName(basename(path)) === undefined) return [newest];
  const names = new Set(await listNames(dirname(path)));
  const earlier: TrustRecord[] = [];
  for (let version = newest.document.version - 1; names.has(trustFileName(version)); version--) {
    earlier.unshift(await readTrustFile(join(dirname(path), trustFileName(version))));
  }
  const [first, ...rest] = [...earlier, newest];
  return [first, ...rest];
}

/** Writes a trust file in one step. An older draft of the same version is replaced. @throws as {@link placeFile} */
export async function writeTrustFile(directory: string, { document, envelope }: TrustRecord): Promise<string> {
  const path = join(directory, trustFileName(document.version));
  await placeFile(path, serializeEnvelope(envelope));
  return path;
}

/** `product/channel` of a document. */
export function lineOf({ product, channel }: Pick<TrustDocument, 'product' | 'channel'>): string {
  return `${product}/${channel}`;
}

function parseGiven(bytes: Uint8Array, path: string): TrustRecord {
  try {
    return parseTrustFile(bytes, path);
  } catch (error) {
    throw toInputError(error);
  }
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory === '' ? '.' : directory);
  } catch (cause) {
    throw new NotFoundError('NOT_FOUND', `${directory} is not a directory that can be read`, { cause });
  }
}
