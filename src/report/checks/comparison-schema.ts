/** The part of a report of a check that says what became of an earlier one. */
import * as z from 'zod';
import { DigestText } from '../../content/content-graph.ts';

const DIGEST = { type: 'string', pattern: '^sha256:[a-f0-9]{64}$' } as const;

/** A release whose signature was verified. */
export const ReportRelease = z.strictObject({
  name: z.string(),
  version: z.string(),
  digest: DigestText.meta(DIGEST).describe('Of checksums.txt, which stands for the whole archive.'),
  signers: z.array(z.string()).describe('Trusted keys and identities whose signature was verified.'),
});

const Verdict = z.enum(['pass', 'fail', 'excepted', 'not-applicable']).optional();

const Name = {
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string().describe('Empty for an object that is missing.'),
} as const;

const Place = z.strictObject({ ...Name, field: z.string(), message: z.string() });

/** Version 1, as the report that it is part of. */
export const CheckComparison = z
  .strictObject({
    verdict: z
      .enum(['worse', 'incomplete', 'better', 'same'])
      .describe(
        'Incomplete where nothing is worse, and something that was checked then is not there or was not checked.',
      ),
    with: z.strictObject({
      name: z.string().describe('The file that was named.'),
      digest: DigestText.meta(DIGEST).describe('Of the earlier report.'),
      checkedAt: z.string(),
      tool: z.string(),
      release: ReportRelease.optional().describe('The archive that carries it, or that it says it is about.'),
    }),
    subjects: z.array(
      z.strictObject({
        name: z.string(),
        with: z.array(z.string()).describe('Subjects of the earlier report; none for one that it has nothing of.'),
        alike: z.array(z.string()).describe('Others that these objects fit as well.'),
        rules: z.array(
          z.strictObject({
            rule: z.string(),
            outcome: z
              .enum(['worse', 'gone', 'new', 'better', 'same'])
              .describe(
                'Gone: evaluated then, and not now, or nothing is there that it is about. New: not evaluated then.',
              ),
            then: Verdict,
            now: Verdict,
            worse: z.array(Place).describe('Places that were met, or had an exception that counted.'),
            better: z.array(Place).describe('Places that are met now, or have an exception that counts.'),
          }),
        ),
        absent: z.array(z.strictObject(Name)).describe('Objects that were checked then and are not there.'),
        added: z.array(z.strictObject(Name)).describe('Objects that were not there then.'),
      }),
    ),
    notCompared: z.array(z.string()).describe('Subjects of the earlier report that nothing was compared with.'),
  })
  .describe('What is worse, better or gone since an earlier report.');
export type CheckComparison = z.infer<typeof CheckComparison>;
