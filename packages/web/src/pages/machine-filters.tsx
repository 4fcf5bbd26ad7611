import { setParams, useAddress } from '../router.js';
import { SearchBox } from '../ui/search-box.js';

export const FILTERS = [
  'search',
  'status',
  'state',
  'health',
  'group',
  'tag',
  'kernel',
  'silent',
  'conflict',
  'hidden',
  'update',
  'updateState',
  'cve',
  'cveState',
] as const;

type Options = readonly (readonly [value: string, title: string])[];

const CHOICES: readonly (readonly [name: string, label: string, options: Options])[] = [
  [
    'status',
    'Any status',
    [
      ['uptodate', 'Safe'],
      ['outofdate', 'Exposed'],
      ['unsupported', 'No updates'],
    ],
  ],
  [
    'state',
    'Any state',
    [
      ['active', 'Active'],
      ['pending', 'Waiting'],
      ['denied', 'Denied'],
    ],
  ],
  [
    'health',
    'Any health',
    [
      ['good', 'Good'],
      ['watching', 'Watching'],
      ['bad', 'Failing'],
    ],
  ],
  [
    'hidden',
    'Not hidden',
    [
      ['yes', 'Hidden'],
      ['all', 'Hidden or not'],
    ],
  ],
];

/** Where there is no room for the heads of columns. */
const ORDERS: Options = [
  ['name asc', 'By name'],
  ['state asc', 'The worst first'],
  ['kernel asc', 'The oldest kernel first'],
  ['effective asc', 'The least effective first'],
  ['seen asc', 'Longest not seen'],
  ['seen desc', 'Seen just now'],
];

/** Filters that links set, shown so that they can be taken away. */
const CHIPS: Readonly<Record<string, string>> = {
  tag: 'tag',
  kernel: 'kernel',
  silent: 'silent',
  conflict: 'conflict',
  update: 'update',
  updateState: 'update is',
  cve: 'CVE',
  cveState: 'CVE is',
};

export function MachineFilters({ groups }: { readonly groups: readonly string[] }) {
  const { params } = useAddress();
  const chips = Object.entries(CHIPS).filter(([name]) => params.get(name) !== null);
  const choices = [
    ...CHOICES,
    ['group', 'Any group', [['', 'Without a group'], ...groups.map((name) => [name, name] as const)]],
  ] as const;
  return (
    <search class="filters">
      <SearchBox name="search" label="Search machines" />
      {choices.map(([name, label, options]) => (
        <select
          key={name}
          aria-label={label}
          value={params.get(name) ?? 'any'}
          onChange={({ currentTarget: { value } }) =>
            setParams({ [name]: value === 'any' ? null : value, after: null })
          }
        >
          <option value="any">{label}</option>
          {options.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      ))}
      <select
        class="order"
        aria-label="Order"
        value={`${params.get('sort') ?? 'name'} ${params.get('order') ?? 'asc'}`}
        onChange={({ currentTarget: { value } }) => {
          const [sort = '', order = ''] = value.split(' ');
          setParams({ sort, order: order === 'asc' ? null : order, after: null });
        }}
      >
        {ORDERS.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      {chips.map(([name, label]) => (
        <button
          key={name}
          type="button"
          class="small"
          aria-label={`Remove the filter ${label} ${params.get(name)}`}
          onClick={() => setParams({ [name]: null, after: null })}
        >
          {label}: {params.get(name)} ×
        </button>
      ))}
    </search>
  );
}
