/** The index of a chart repository: which versions of a chart there are, and where their packages lie. */
import * as z from 'zod';
import { jsonFaultOf, parseJson } from '../../../base/json/parse-json.ts';
import { MAX_YAML_LENGTH, readYaml } from '../../../base/yaml-source.ts';
import { UsageError } from '../../../errors.ts';
import { nearest } from '../../../base/suggestion.ts';
import { scanEntry } from './index-scan.ts';

/** Bytes of an index, unpacked; the largest public ones have some twenty million. */
export const MAX_INDEX_BYTES: number = 64 * 1024 * 1024;
const SHOWN = 60;

/** What an index says of one version of a chart; fields that are not needed are left out. */
const Entry = z.object({
  name: z.string(),
  version: z.string(),
  urls: z.array(z.string()).nullish(),
  digest: z.string().nullish(),
});

/** One version of a chart. */
export interface IndexedChart {
  readonly name: string;
  readonly version: string;
  /** As written: absolute, or relative to the repository. At least one. */
  readonly urls: readonly [string, ...string[]];
  /** SHA-256 of the package, in hexadecimal, where the index has it. */
  readonly digest?: string | undefined;
}

/** One version whose entry has not been read yet. */
export interface IndexedVersion {
  readonly version: string;
  /** @throws UsageError `INVALID_SPEC` when the entry is none that a chart can be fetched by. */
  readonly read: () => IndexedChart;
}

/** What an index has of one chart. */
export interface IndexedVersions {
  /** In the order of the index; empty when the chart is not in it. */
  readonly versions: readonly IndexedVersion[];
  /** The name that is nearest to the one asked for, where the chart is not in the index. */
  readonly similar?: string | undefined;
}

/**
 * Finds the versions of a chart. Only the entry that is asked for is evaluated: an index of ten million characters takes
 * the YAML library a minute.
 * @throws UsageError `INVALID_SPEC` for what is no index.
 * @see https://helm.sh/docs/topics/chart_repository/#the-index-file
 */
export function findIndexedVersions(bytes: Uint8Array, name: string, fileName: string): IndexedVersions {
  const text = new TextDecoder().decode(bytes);
  if (/^\s*\{/.test(text)) return fromDocument(readJson(bytes, fileName), name, fileName);
  const scan = scanEntry(text, name);
  if (scan === undefined) return fromSmallYaml(text, name, fileName);
  if (scan.items.length === 0 && !scan.names.includes(name)) return { versions: [], similar: nearest(name, scan.names) };
  const versions = scan.items.map(({ version, start, end }) => ({
    version,
    read: () => toChart(valueOf(text.slice(start, end), `${fileName}: ${name} ${version}`), fileName, name, version),
  }));
  return { versions };
}

/** Forms that no tool writes, such as flow style: taken while they are small. */
function fromSmallYaml(text: string, name: string, fileName: string): IndexedVersions {
  if (!/^["']?entries["']?\s*:/m.test(text)) throw noIndex(text, fileName);
  if (text.length > MAX_YAML_LENGTH) {
    throw new UsageError('INVALID_SPEC', `${fileName}: is not laid out as Helm writes it, and too large to be read otherwise`, {
      hint: 'have the index made anew with `helm repo index`',
    });
  }
  return fromDocument(readYaml(text, fileName, { merge: true })[0]?.value, name, fileName);
}

function fromDocument(document: unknown, name: string, fileName: string): IndexedVersions {
  const parsed = z.object({ entries: z.record(z.string(), z.array(z.unknown()).nullable()).nullish() }).safeParse(document);
  if (!parsed.success) throw noIndex(JSON.stringify(document) ?? '', fileName);
  const entries = parsed.data.entries ?? {};
  if (!Object.hasOwn(entries, name)) return { versions: [], similar: nearest(name, Object.keys(entries)) };
  const versions = (entries[name] ?? []).flatMap((entry): IndexedVersion[] => {
    const { version } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof version !== 'string') return [];
    return [{ version, read: () => toChart(entry, fileName, name, version) }];
  });
  return { versions };
}

function valueOf(text: string, fileName: string): unknown {
  const value = readYaml(text, fileName, { uniqueKeys: false })[0]?.value;
  return Array.isArray(value) ? (value[0] as unknown) : value;
}

function toChart(value: unknown, fileName: string, name: string, version: string): IndexedChart {
  const parsed = Entry.safeParse(value);
  const fault = (why: string): UsageError =>
    new UsageError('INVALID_SPEC', `${fileName}: the entry of ${name} ${version} ${why}`, {
      hint: 'name another version, or have the index mended',
    });
  if (!parsed.success) throw fault(`is no entry: ${parsed.error.issues[0]?.path.join('.') ?? ''} is missing or wrong`);
  const { urls, digest } = parsed.data;
  const [first, ...others] = urls ?? [];
  if (parsed.data.name !== name || parsed.data.version !== version) throw fault('is that of another chart');
  if (first === undefined) throw fault('names no address of a package');
  const hex = (digest ?? '').replace(/^sha256:/, '').toLowerCase();
  if (hex !== '' && !/^[0-9a-f]{64}$/.test(hex)) throw fault('has a digest that is no SHA-256');
  return { name, version, urls: [first, ...others], ...(hex === '' ? {} : { digest: hex }) };
}

function readJson(bytes: Uint8Array, fileName: string): unknown {
  try {
    return parseJson(bytes, { maxBytes: MAX_INDEX_BYTES, reading: 'lenient' });
  } catch (cause) {
    throw new UsageError('INVALID_SPEC', `${fileName}: ${jsonFaultOf(cause)}`, {
      cause,
      hint: 'have the index made anew with `helm repo index`',
    });
  }
}

function noIndex(text: string, fileName: string): UsageError {
  const begins = JSON.stringify(text.trimStart().slice(0, SHOWN));
  return new UsageError('INVALID_SPEC', `${fileName}: is no index of a chart repository; it begins with ${begins}`, {
    hint: 'the address of a chart repository is the directory in which its index.yaml lies',
  });
}
