/** What `airgap discover --json` prints, and the same as lines. */
import * as z from 'zod';
import type { Discovery } from '../operations/discover.ts';
import { formatCount, formatTable } from './format.ts';

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/discover-v1.schema.json';

const Evidence = z.strictObject({
  at: z.string().describe('All of it in one line.'),
  rule: z.string().describe('The rule by which the place was taken for an image; `named` where a person listed it.'),
  file: z.string().optional().describe('A manifest, or the chart and its template.'),
  kind: z.string().optional(),
  name: z.string().optional(),
  path: z.string().optional().describe('Within the resource; for text within text the way into it.'),
  chart: z.string().optional().describe('The chart that renders to it.'),
  values: z.string().optional().describe('The set of values it was rendered with.'),
});

/** The document. */
export const DiscoveryReport = z
  .strictObject({
    kind: z.literal('discovery'),
    schemaVersion: z.literal(1),
    images: z.array(
      z.strictObject({
        reference: z.string().describe('Canonical.'),
        certainty: z.enum(['certain', 'suspect']),
        verdict: z
          .enum(['certain', 'suspect', 'artifact?', 'accepted', 'dismissed'])
          .describe(
            'As certainty, but for suspects that the release.yaml decides about, and those that are probably no image.',
          ),
        reason: z.string().optional().describe('Why, as the release.yaml says it; or what the artifact probably is.'),
        evidence: z.array(Evidence).min(1),
      }),
    ),
    unknowable: z.array(z.string()).describe('Kinds whose controllers run images that stand in no resource.'),
    advice: z
      .array(z.string())
      .optional()
      .describe('Images in values.yaml that these values do not use; with --advice.'),
    cluster: z
      .array(
        z.strictObject({
          reference: z.string(),
          isInRelease: z.boolean(),
          pods: z.array(z.string()).describe('Namespace, pod and place of each container that runs it.'),
        }),
      )
      .optional()
      .describe('What runs in the cluster; with --from-cluster.'),
    warnings: z.array(z.string()),
  })
  .describe('Every image that was found, with every place that names it.');
export type DiscoveryReport = z.infer<typeof DiscoveryReport>;

/** The JSON Schema as text with a newline at the end: what docs/discover.schema.json holds. */
export function formatDiscoverySchema(): string {
  const schema = z.toJSONSchema(DiscoveryReport, { target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Discovery', ...schema }, null, 2)}\n`;
}

/** The document of a discovery. */
export function toDiscoveryReport(discovery: Discovery): DiscoveryReport {
  const { images, unknowable, advice, cluster, warnings } = discovery;
  return {
    kind: 'discovery',
    schemaVersion: 1,
    images: images.map(({ evidence, ...image }) => ({ ...image, evidence: evidence.map((place) => ({ ...place })) })),
    unknowable: [...unknowable],
    ...(advice === undefined ? {} : { advice: [...advice] }),
    ...(cluster === undefined ? {} : { cluster: cluster.map(({ pods, ...image }) => ({ ...image, pods: [...pods] })) }),
    warnings: [...warnings],
  };
}

/** A table with a row for each place, what else was found, and the counts. */
export function describeDiscovery({ images, unknowable, advice = [], cluster }: Discovery): readonly string[] {
  const count = (verdict: string): number => images.filter((image) => image.verdict === verdict).length;
  const others = ['artifact?', 'accepted', 'dismissed'].filter((verdict) => count(verdict) > 0);
  const absent = cluster?.filter(({ isInRelease }) => !isInRelease) ?? [];
  return [
    ...formatTable(
      images.flatMap(({ reference, verdict, reason, evidence }) => [
        ...evidence.map(({ at }, index) => (index === 0 ? [reference, verdict, at] : ['', '', at])),
        ...(reason === undefined ? [] : [['', '', `(${reason})`]]),
      ]),
    ),
    ...unknowable.map((note) => `unknowable: ${note}`),
    ...advice.map((note) => `advice: ${note}`),
    ...absent.flatMap(({ reference, pods }) => [
      `runs in the cluster, not in the release: ${reference}`,
      ...pods.map((pod) => `  ${pod}`),
    ]),
    [
      formatCount(count('certain'), 'certain image'),
      formatCount(count('suspect'), 'suspect'),
      ...others.map((verdict) => `${count(verdict)} ${verdict}`),
      ...(unknowable.length === 0 ? [] : [`${unknowable.length} unknowable`]),
      ...(cluster === undefined ? [] : [`${absent.length} of ${cluster.length} that run are not in the release`]),
    ].join(', '),
  ];
}
