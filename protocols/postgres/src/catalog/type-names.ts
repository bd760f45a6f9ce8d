import type { CatalogData } from "./catalog.ts";

/** PostgreSQL's own types that columns are mostly of: object id, name, object id of the array (pg_type.dat). */
const OWN: readonly (readonly [number, string, number])[] = [
  [16, "bool", 1000],
  [17, "bytea", 1001],
  [18, "char", 1002],
  [19, "name", 1003],
  [20, "int8", 1016],
  [21, "int2", 1005],
  [23, "int4", 1007],
  [25, "text", 1009],
  [26, "oid", 1028],
  [114, "json", 199],
  [142, "xml", 143],
  [600, "point", 1017],
  [601, "lseg", 1018],
  [602, "path", 1019],
  [603, "box", 1020],
  [604, "polygon", 1027],
  [628, "line", 629],
  [650, "cidr", 651],
  [700, "float4", 1021],
  [701, "float8", 1022],
  [718, "circle", 719],
  [774, "macaddr8", 775],
  [790, "money", 791],
  [829, "macaddr", 1040],
  [869, "inet", 1041],
  [1042, "bpchar", 1014],
  [1043, "varchar", 1015],
  [1082, "date", 1182],
  [1083, "time", 1183],
  [1114, "timestamp", 1115],
  [1184, "timestamptz", 1185],
  [1186, "interval", 1187],
  [1266, "timetz", 1270],
  [1560, "bit", 1561],
  [1562, "varbit", 1563],
  [1700, "numeric", 1231],
  [2205, "regclass", 2210],
  [2950, "uuid", 2951],
  [3220, "pg_lsn", 3221],
  [3614, "tsvector", 3643],
  [3615, "tsquery", 3645],
  [3802, "jsonb", 3807],
  [3904, "int4range", 3905],
  [3906, "numrange", 3907],
  [3908, "tsrange", 3909],
  [3910, "tstzrange", 3911],
  [3912, "daterange", 3913],
  [3926, "int8range", 3927],
  [4072, "jsonpath", 4073],
  [4451, "int4multirange", 6150],
  [4532, "nummultirange", 6151],
  [4533, "tsmultirange", 6152],
  [4534, "tstzmultirange", 6153],
  [4535, "datemultirange", 6155],
  [4536, "int8multirange", 6157],
];

/** The names of PostgreSQL's own types that columns are mostly of, by object id. */
export const OWN_TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  OWN.flatMap(([type, name, array]) => [
    [type, name],
    [array, `${name}[]`],
  ]),
);

/** What people call a type; one that is made by somebody has its schema before it. */
export function typeName(type: number, { types }: Pick<CatalogData, "types">): string {
  const own = OWN_TYPE_NAMES.get(type);
  if (own !== undefined) return own;
  const made = types.find(({ id }) => id === type);
  if (made === undefined) return `the object id ${type}`;
  return made.element === undefined
    ? `${made.schema}.${made.name}`
    : `${typeName(made.element, { types })}[]`;
}
