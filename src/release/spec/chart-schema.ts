/** A chart of a release.yaml: its place, and what it is rendered with to find its images. */
import * as z from 'zod';
import { PathText } from '../../base/schemas/path-text.ts';
import { refineWith } from '../../base/schemas/refine.ts';
import { API_VERSION, NAMESPACE } from '../../kubernetes/rendering/render-request.ts';
import { isChartName, parseChartSource } from './chart-source.ts';

const MAX_TEXT = 512;
const MAX_SETS = 100;
const MAX_FILES = 50;
const MAX_API_VERSIONS = 500;
const KUBE_VERSION = /^v?[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,4}([-+][0-9A-Za-z.+-]{1,60})?)?$/;
/** What Helm takes as the name of a release. */
const RELEASE_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** An address without a name or password in it, which would get into the lock. */
const REPOSITORY = /^https?:\/\/[^\s@?#]+$/;
const SET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const Files = z.array(PathText).max(MAX_FILES);

/** A set of value files with a name of its own. */
export const SpecValueSet = z
  .strictObject({
    name: z
      .string()
      .max(63)
      .regex(SET_NAME, 'must be letters, digits and . _ - only')
      .describe('What evidence and messages call the set.'),
    files: Files.describe('Value files, relative to this document; later ones win. Empty: the default values alone.'),
    renderManifests: z
      .boolean()
      .optional()
      .describe('Whether what the chart renders to with this set is carried, below manifests/<name>/.'),
  })
  .describe('A set of value files with a name.');

/** One chart, where more than its place has to be said. */
export const SpecChart = z
  .strictObject({
    chart: z
      .string()
      .min(1)
      .max(MAX_TEXT)
      .describe(
        'A directory, a .tgz package, its https:// address, oci://registry/repository:version, or a name in `repository`.',
      ),
    repository: z
      .string()
      .max(MAX_TEXT)
      .regex(REPOSITORY, 'must be an https:// or http:// address, without a user or password in it')
      .optional()
      .describe('Address of a chart repository (the directory of its index.yaml).'),
    version: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe('With `repository`: the version, or a range as Helm takes it; the lock pins what was found.'),
    keyring: PathText.optional().describe(
      'Public keys (as `gpg --export` writes them), relative to this document: the .prov file of the chart must be signed by one of them.',
    ),
    values: z
      .array(z.union([PathText, Files.min(1), SpecValueSet]))
      .min(1)
      .max(MAX_SETS)
      .optional()
      .describe(
        'Sets of values: a file, a list of files laid over one another, or a set with a name. The chart is rendered with each, and the images of all are carried. Absent: its default values.',
      ),
    kubeVersion: z
      .string()
      .regex(KUBE_VERSION, 'must be a version of Kubernetes, such as 1.34.0')
      .optional()
      .describe('The version of Kubernetes to render for.'),
    apiVersions: z
      .array(z.string().regex(API_VERSION, 'must be group/version, such as monitoring.coreos.com/v1'))
      .max(MAX_API_VERSIONS)
      .optional()
      .describe('What the cluster serves beside what Helm knows itself.'),
    namespace: z.string().regex(NAMESPACE, 'must be a name of a namespace').optional(),
    releaseName: z
      .string()
      .max(53)
      .regex(RELEASE_NAME, 'must be lower-case letters, digits, dashes and dots')
      .optional()
      .describe('The name of the Helm release.'),
  })
  .check(({ value, issues }) => {
    for (const [field, message, hint] of chartFaults(value)) {
      issues.push({ code: 'custom', message, input: value, path: [field], params: { hint } });
    }
  })
  .describe('A chart that needs more than its place.');
export type SpecChart = z.infer<typeof SpecChart>;

/** The text form, and the form with fields. */
export const SpecChartEntry = z.union([z.string().min(1).max(MAX_TEXT).check(refineWith(parseChartSource)), SpecChart]);

/** A field, what is wrong with it, and the next step. */
type Fault = readonly [field: string, message: string, hint?: string | undefined];

function chartFaults({ chart, repository, version }: SpecChart): readonly Fault[] {
  const faults: Fault[] = [];
  if (repository === undefined) {
    faults.push(...placeFaults(chart));
    if (version !== undefined) {
      faults.push(['version', 'goes with `repository` only', 'the version of oci://… stands behind its colon']);
    }
    return faults;
  }
  if (!isChartName(chart)) faults.push(['chart', 'must be the name of a chart of the repository', 'such as app']);
  if (version === undefined) {
    faults.push(['version', 'is missing: a release takes one version', "name one, or a range: '*' is the newest"]);
  }
  return faults;
}

/** What is wrong with the place of a chart that comes from no repository. */
function placeFaults(chart: string): readonly Fault[] {
  const parsed = z.string().check(refineWith(parseChartSource)).safeParse(chart);
  return (parsed.error?.issues ?? []).map((issue) => {
    const hint = issue.code === 'custom' ? (issue.params?.['hint'] as string | undefined) : undefined;
    return ['chart', issue.message, hint] as const;
  });
}
