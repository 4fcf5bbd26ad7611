// The fix that the cases about one function work with, of each branch: what it replaces, and two changes of the same function, one on top of
// it and one beside it.

import { attachFilterOnTop, type Fix, type FixName, makeFix } from './fix.js';
import { type Rewrite, replaceOnce, type Workshop } from './workshop.js';

export interface LeadingFix extends Fix {
  /** Replaced, and named in reasons. */
  readonly symbol: string;
  /** Replaced as well. */
  readonly second: string;
  /** On top of the fix: the same function answers in a way that the probe does not know. */
  readonly upper: Rewrite;
  /** What the probe then prints; its exit status is 2. */
  readonly upperSays: RegExp;
  /** Of the shipped file, in the same function. */
  readonly beside: Rewrite;
  /** A fix of another file. */
  readonly other: FixName;
}

type Plan = Omit<LeadingFix, keyof Fix | 'upper'> & {
  readonly name: FixName;
  readonly upper: (patch: string) => Rewrite;
};

const FILTER_ENTRY = '\tcase SO_ATTACH_FILTER: {\n\t\tstruct sock_fprog fprog;\n\n';
const LANDLOCK = 'security/landlock/fs.c';
const MKNOD = '\treturn check_access_path(dom, dir,\n\t\t\t\t get_mode_access(mode, new_decode_dev(dev)));';
const SHIPPED_MKNOD = '\treturn check_access_path(dom, dir, get_mode_access(mode));';

/** By version. */
const PLANS: readonly (readonly [RegExp, Plan])[] = [
  [
    /^6\.1\./,
    {
      name: 'attach-filter',
      symbol: 'sk_setsockopt',
      second: 'sock_wfree',
      upper: (patch) => attachFilterOnTop(patch),
      upperSays: /Permission denied/,
      beside: {
        path: 'net/core/sock.c',
        edit: (text) =>
          replaceOnce(
            text,
            FILTER_ENTRY,
            `${FILTER_ENTRY}\t\tif (!capable(CAP_SYS_ADMIN)) {\n\t\t\tret = -EACCES;\n\t\t\tbreak;\n\t\t}\n`,
          ),
      },
      other: 'raw-hdrincl',
    },
  ],
  [
    /^6\.12\./,
    {
      name: 'landlock-whiteout',
      symbol: 'hook_path_mknod',
      second: 'current_check_refer_path',
      upper: (patch) => ({
        path: LANDLOCK,
        on: [patch],
        edit: (text) => replaceOnce(text, MKNOD, `\tif (S_ISCHR(mode))\n\t\treturn -EPERM;\n${MKNOD}`),
      }),
      upperSays: /Operation not permitted/,
      beside: {
        path: LANDLOCK,
        edit: (text) =>
          replaceOnce(text, SHIPPED_MKNOD, `\tif (S_ISBLK(mode))\n\t\treturn -EPERM;\n${SHIPPED_MKNOD}`),
      },
      other: 'auxv-tail',
    },
  ],
];

export async function makeLeadingFix(workshop: Workshop): Promise<LeadingFix> {
  const { version } = workshop.target;
  const [, plan] = PLANS.find(([branch]) => branch.test(version)) ?? [];
  if (plan === undefined) throw new Error(`no leading fix is known for ${version}`);
  const fix = await makeFix(workshop, plan.name);
  return { ...plan, ...fix, upper: plan.upper(fix.patch) };
}
