/** What is not met is told by rule, subject and place; an exception counts until it has ended. */
import { expect, test } from 'vitest';
import { expiredSince, failuresOf } from '../../../src/report/checks/check-failures.ts';
import type { CheckReport } from '../../../src/report/checks/check-report.ts';

const at = (message: string, exception?: object): object => ({
  kind: 'Deployment',
  name: 'web',
  field: 'spec',
  message,
  ...(exception && { exception }),
});
const ending = (until: string, expired: boolean): object => ({ reason: 'so', until, expired });
const report = {
  subjects: [
    {
      name: 'the release',
      results: [
        {
          rule: 'some-rule',
          violations: [
            at('open'),
            at('excepted', ending('2026-12-31', false)),
            at('ended before', ending('2026-01-01', true)),
            at('ends soon', ending('2026-06-30', false)),
          ],
        },
      ],
    },
  ],
} as unknown as CheckReport;
const messagesOf = (lines: readonly string[]): readonly string[] => lines.map((line) => line.split(': ').slice(3).join(': ')); // prettier-ignore

test('what no exception covers and what one covered before it ended fail', () => {
  const lines = failuresOf(report);
  expect(messagesOf(lines)).toEqual(['open', 'ended before']);
  expect(lines[0]).toMatch(/^some-rule: the release: Deployment\/web spec: open$/);
});

test('an exception that counted then and has ended by now is told, and no other', () => {
  const ended = (day: string): readonly string[] => messagesOf(expiredSince(report, new Date(`${day}T12:00:00Z`)));
  expect(ended('2026-06-01')).toEqual([]);
  expect(ended('2026-07-02')).toEqual(['ends soon; its exception has ended']);
  expect(ended('2027-01-02')).toEqual(['excepted; its exception has ended', 'ends soon; its exception has ended']);
});
