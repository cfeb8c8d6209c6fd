/**
 * What a chart's `values.schema.json` reads that is not in it. Helm resolves references with `http:`, `https:` and
 * `file:`, relative ones as `file:///…`: a chart could make it call servers and read files of the machine it renders on.
 * @see https://json-schema.org/draft/2020-12/json-schema-core#section-8.2
 */
import { parseJson } from '../../base/json/parse-json.ts';
import { UsageError } from '../../errors.ts';
import { MAX_CHART_FILE_BYTES } from '../charts/chart-files.ts';
import { MAX_JSON_DEPTH } from '../charts/values-schema.ts';
import { createUnpackBudget, unpackChart } from '../charts/chart-archive.ts';

const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef', '$schema']);
/** The drafts that Helm's validators have built in. */
const DRAFTS = /^https?:\/\/json-schema\.org\/((draft-0[4-7]|draft\/20(19-09|20-12))\/)?schema#?$/;
/** Where Helm looks for a schema: at the top of a chart, and of the charts in it. */
const SCHEMA_FILE = /^(charts\/[^/]+\/)*values\.schema\.json$/;
/** Packages in `charts/` are charts, but for those that Helm passes over. */
const PACKAGED_CHART = /^(charts\/[^/]+\/)*charts\/[^/_.][^/]*\.tgz$/;
const MAX_SHOWN = 300;
/** Of charts within charts. */
const MAX_DEPTH = 16;

/**
 * Whether all schemas of a chart, and of the charts in it, stay inside. The names that a schema gives its parts (`$id`)
 * do not count: Helm's versions differ in where they look for them, and fetch what they do not find.
 * @throws UsageError `INVALID_SPEC` naming the file and the reference, or the file that is no JSON.
 * @throws IntegrityError `MALFORMED` for a package that nothing should unpack.
 */
export async function assertSchemasStayInside(
  chart: Buffer,
  shownAs: string,
  budget = createUnpackBudget(),
  depth = 0,
): Promise<void> {
  for (const { path, bytes } of await unpackChart(chart, shownAs, budget)) {
    const file = `${shownAs}/${path}`;
    if (SCHEMA_FILE.test(path)) assertStaysInside(bytes, file);
    if (PACKAGED_CHART.test(path) && depth < MAX_DEPTH) {
      await assertSchemasStayInside(bytes, file, budget, depth + 1);
    }
  }
}

function assertStaysInside(bytes: Buffer, file: string): void {
  const outside = referencesOf(parse(bytes, file)).find((reference) => !isInside(reference));
  if (outside === undefined) return;
  throw new UsageError(
    'INVALID_SPEC',
    `${file}: refers to ${JSON.stringify(outside.slice(0, MAX_SHOWN))}, which is not in the file`,
    {
      hint:
        'Helm fetches it for every install, which fails behind the gap: put it into the schema, or skip the validation ' +
        'here and install with `helm install --skip-schema-validation`',
    },
  );
}

/** Text that Helm reads in another way than this reader could hide a reference from it. */
function parse(bytes: Buffer, file: string): unknown {
  try {
    return parseJson(bytes, { maxBytes: MAX_CHART_FILE_BYTES, reading: 'lenient', maxDepth: MAX_JSON_DEPTH });
  } catch (error) {
    throw new UsageError('INVALID_SPEC', `${file}: is no JSON`, {
      hint: 'Helm refuses a chart with such a schema: fix it, or skip its validation',
      cause: error,
    });
  }
}

function referencesOf(schema: unknown): readonly string[] {
  const references: string[] = [];
  // A list instead of recursion: depth is the chart's choice.
  const rest: unknown[] = [schema];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'string' && REFERENCES.has(key)) references.push(value);
      else if (typeof value === 'object' && value !== null) rest.push(value);
    }
  }
  return references;
}

/** Helm takes a `urn:` that it cannot resolve as a schema that allows everything. */
function isInside(reference: string): boolean {
  return reference.startsWith('#') || reference === '' || reference.startsWith('urn:') || DRAFTS.test(reference);
}
