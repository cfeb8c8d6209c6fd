/** What a person declares: reads `release.yaml`, refuses what is wrong with it all at once, and normalises the rest. */
import { dirname } from 'node:path';
import { formatUtcSeconds } from '../../base/utc-time.ts';
import { UsageError } from '../../errors.ts';
import { parsePlatform, type Platform } from '../../oci/platform.ts';
import type { Reference } from '../../oci/reference.ts';
import { normalizePortablePath } from '../../base/portable-path.ts';
import { parseImage, SpecDocument, type EvidencePolicy, type ImageOrigin } from './spec-schema.ts';
import { readYaml, type YamlDocument, type YamlPath } from '../../base/yaml-source.ts';
import { titleOfForeign } from '../import/import-formats.ts';
import { findPolicyFaults, listPolicyPaths, toImageRules, type ImageRule } from '../policy/spec-policy.ts';
import { findCheckFaults, toCheckSpec, type CheckSpec } from './check-schema.ts';
import type { DeploySpec } from './deploy-schema.ts';
import { pathsOfChart, toChartSpec, type ChartSpec } from './chart-spec.ts';
import { findDecisionFaults, toDecisions, type ImageDecisions } from '../suspects/decisions.ts';
import { findDuplicates } from './spec-duplicates.ts';
import { findMisplacedPaths } from './spec-paths.ts';
import { SPEC_SHAPE } from './spec-shape.ts';
import { invalidDocument, problem, toProblems, type DocumentProblem } from '../../base/schemas/document-problems.ts';
import { readTextFile } from '../../base/files/read-file.ts';

/** Bytes of one `release.yaml`. */
const MAX_SPEC_BYTES = 1024 * 1024;

/** One image a person named. */
export interface ImageSpec {
  /** Canonical, with `:latest` where neither tag nor digest was given. */
  readonly reference: Reference;
  readonly origin: ImageOrigin;
  /** Only these of the release's platforms. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Where it was written: `release.yaml:14:9`. */
  readonly at: string;
}

/** One path a person named: relative to the release.yaml, forward slashes, no `./` and no slash at the end. */
export interface PathSpec {
  readonly path: string;
  readonly at: string;
}

/** One extra file. */
export interface FileSpec extends PathSpec {
  /** `sha256-…`, `sha384-…` or `sha512-…`, one hash; see integrity.ts. */
  readonly integrity: string;
  /** Its name in the archive, unique in the release whatever the case of letters. */
  readonly as: string;
}

/** One part of a release. Lists that were left out are empty. */
export interface ComponentSpec {
  readonly name: string;
  readonly description?: string | undefined;
  readonly images: readonly ImageSpec[];
  readonly imageLists: readonly PathSpec[];
  readonly charts: readonly ChartSpec[];
  readonly manifests: readonly PathSpec[];
  /** Patterns for files of manifests that are not read, see path-pattern.ts. */
  readonly ignore: readonly string[];
  readonly docs: readonly PathSpec[];
  readonly files: readonly FileSpec[];
}

/** A whole release, as declared. */
export interface ReleaseSpec {
  /** What the product is called: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** As in the name of the archive. */
  readonly version: string;
  /** The line of releases it belongs to, such as `stable`. */
  readonly channel: string;
  /** Its place in that line; sites refuse to go back. */
  readonly sequence?: number | undefined;
  /** RFC 3339 in UTC and whole seconds, `2026-01-31T12:00:00Z`. */
  readonly created?: string | undefined;
  /** As `created`. */
  readonly expires?: string | undefined;
  /** Whether the signed list names files alone; absent where it names the image tarballs too. */
  readonly checksums?: 'files' | undefined;
  /** The platforms that are carried. */
  readonly platforms: readonly Platform[] | 'all';
  /** What happens to signatures and attestations of images. */
  readonly evidence: EvidencePolicy;
  /** In order: the first rule that matches an image decides. Absent: signatures are not checked. */
  readonly imagePolicy?: readonly ImageRule[] | undefined;
  /** Suspects that are carried or not, and more places that hold images. */
  readonly decisions: ImageDecisions;
  /** By which rules its configuration is checked when it is built. Absent: by none. */
  readonly check?: CheckSpec | undefined;
  /** What is done at a deployment beside applying manifests. Absent: nothing. */
  readonly deploy?: DeploySpec | undefined;
  /** The parts of the product, each with its images and files. */
  readonly components: readonly ComponentSpec[];
}

/**
 * Reads a release.yaml and checks that every path it names exists inside its directory, links followed.
 * @throws NotFoundError `NOT_FOUND` when there is no such file.
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export async function loadSpec(path: string): Promise<ReleaseSpec> {
  const text = await readTextFile(path, {
    what: 'a release.yaml',
    limit: MAX_SPEC_BYTES,
    hintWhenMissing: 'run `airgap init` to write a release.yaml to start from',
  });
  const { spec, document } = readSpec(text, path);
  const misplaced = await findMisplacedPaths(dirname(path), listPaths(spec), document);
  if (misplaced.length > 0) throw invalidSpec(misplaced, path);
  return spec;
}

/**
 * Reads the text of a release.yaml without looking at any other file.
 * @throws UsageError `INVALID_SPEC` with every problem found, each with file, line and column.
 */
export function parseSpec(text: string, fileName: string): ReleaseSpec {
  return readSpec(text, fileName).spec;
}

function readSpec(text: string, fileName: string): { spec: ReleaseSpec; document: YamlDocument } {
  const [document, ...others] = readYaml(text, fileName);
  if (document === undefined || document.value === null) {
    throw new UsageError('INVALID_SPEC', `${fileName}: is empty`, { hint: '`airgap init` writes a commented example' });
  }
  const foreign = titleOfForeign(document.value);
  if (foreign !== undefined) {
    throw new UsageError('INVALID_SPEC', `${fileName}: is ${foreign}, not a release.yaml`, {
      hint: `airgap import ${fileName}`,
    });
  }
  const second = others[0];
  if (second !== undefined) {
    throw invalidSpec([problem(second.start, [], 'a second document; one file declares one release')], fileName);
  }
  const parsed = SpecDocument.safeParse(document.value);
  const problems = [
    ...toProblems(parsed.error?.issues ?? [], document, SPEC_SHAPE),
    ...findDuplicates(document),
    ...findPolicyFaults(document),
    ...findDecisionFaults(document),
  ];
  if (!parsed.success || problems.length > 0) throw invalidSpec(problems, fileName);
  const spec = toSpec(parsed.data, document, fileName);
  const unknown = findCheckFaults(spec.check, spec.components, document);
  if (unknown.length > 0) throw invalidSpec(unknown, fileName);
  return { spec, document };
}

function toSpec(data: SpecDocument, document: YamlDocument, fileName: string): ReleaseSpec {
  const at = (path: YamlPath): string => {
    const { line, column } = document.locate(path);
    return `${fileName}:${line}:${column}`;
  };
  const components = data.components.map((component, index): ComponentSpec => {
    const here = ['components', index];
    const paths = (field: 'imageLists' | 'manifests' | 'docs'): readonly PathSpec[] =>
      (component[field] ?? []).map((path, position) => ({
        path: normalizePortablePath(path),
        at: at([...here, field, position]),
      }));
    return {
      name: component.name,
      ...(component.description === undefined ? {} : { description: component.description }),
      images: (component.images ?? []).map((image, position) => toImage(image, at([...here, 'images', position]))),
      imageLists: paths('imageLists'),
      charts: (component.charts ?? []).map((entry, position) => toChartSpec(entry, at([...here, 'charts', position]))),
      manifests: paths('manifests'),
      ignore: component.ignore ?? [],
      docs: paths('docs'),
      files: (component.files ?? []).map((file, position) => ({
        path: normalizePortablePath(file.path),
        integrity: file.integrity,
        as: file.as ?? (normalizePortablePath(file.path).split('/').at(-1) as string),
        at: at([...here, 'files', position]),
      })),
    };
  });
  return {
    name: data.name,
    version: data.version,
    channel: data.channel,
    ...(data.sequence === undefined ? {} : { sequence: data.sequence }),
    ...(data.created === undefined ? {} : { created: formatUtcSeconds(new Date(data.created)) }),
    ...(data.expires === undefined ? {} : { expires: formatUtcSeconds(new Date(data.expires)) }),
    ...(data.checksums === 'all' ? {} : { checksums: data.checksums }),
    platforms: data.platforms === 'all' ? 'all' : data.platforms.map(parsePlatform),
    evidence: data.evidence,
    ...(data.imagePolicy === undefined ? {} : { imagePolicy: toImageRules(data.imagePolicy, at) }),
    decisions: toDecisions(data, at),
    ...(data.check === undefined ? {} : { check: toCheckSpec(data.check) }),
    ...(data.deploy === undefined ? {} : { deploy: data.deploy }),
    components,
  };
}

function toImage(image: string | { reference: string; platforms?: string[] | undefined }, at: string): ImageSpec {
  const { reference: text, platforms } = typeof image === 'string' ? { reference: image } : image;
  return { ...parseImage(text), ...(platforms === undefined ? {} : { platforms: platforms.map(parsePlatform) }), at };
}

function listPaths(spec: ReleaseSpec): readonly { path: string; place: YamlPath }[] {
  const parts = spec.components.flatMap((component, index) => {
    const here = ['components', index];
    const plain = (['imageLists', 'manifests', 'docs'] as const).flatMap((field) =>
      component[field].map(({ path }, position) => ({ path, place: [...here, field, position] })),
    );
    const charts = component.charts.flatMap((chart, position) =>
      pathsOfChart(chart).map(({ path, place }) => ({ path, place: [...here, 'charts', position, ...place] })),
    );
    const files = component.files.map(({ path }, position) => ({ path, place: [...here, 'files', position, 'path'] }));
    return [...plain, ...charts, ...files];
  });
  const rules = (spec.check?.rules ?? []).map((path, index) => ({ path, place: ['check', 'rules', index] }));
  return [...listPolicyPaths(spec.imagePolicy), ...rules, ...parts];
}

function invalidSpec(problems: readonly DocumentProblem[], fileName: string): UsageError {
  return invalidDocument(problems, fileName, SPEC_SHAPE);
}
