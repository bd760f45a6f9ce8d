import { isDeepStrictEqual } from "node:util";
import type { SettingsIssue, SettingsResult } from "@gatehouse/core";
import { z } from "zod";
import { NOTHING } from "./fields.ts";
import { didYouMean } from "./problem.ts";

type Path = readonly (string | number)[];

/** Checks a value against a schema; its issues are in words for the person who wrote the file. */
export function checkValue<T>(schema: z.ZodType<T>, value: unknown): SettingsResult<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, issues: result.error.issues.flatMap((issue) => describe(issue, schema)) };
}

/** The schema of what may be written in the file (not of what it is read into), for editors. */
export function jsonSchemaOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => withoutMisplaced(jsonSchema.properties),
  });
  return rest;
}

/** Editors propose what has a name. */
function withoutMisplaced(properties: z.core.JSONSchema.JSONSchema["properties"]): void {
  for (const [key, schema] of Object.entries(properties ?? {})) {
    const { not } = typeof schema === "object" ? schema : NOTHING;
    if (isDeepStrictEqual(not, NOTHING.not)) delete properties?.[key];
  }
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType): SettingsIssue[] {
  const path = issue.path.filter((step) => typeof step !== "symbol");
  const one = (message: string, atKey?: true): SettingsIssue[] => [
    { path, message, ...(atKey ? { atKey } : {}) },
  ];
  const name = path.at(-1);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        atKey: true,
        message: `"${key}" is not a key that may stand here${didYouMean(key, keysAt(schema, path))}`,
      }));
    case "invalid_type":
      return issue.input === undefined
        ? one(`"${String(name)}" is missing (expected ${article(issue.expected)})`)
        : one(`expected ${article(issue.expected)}, found ${found(issue.input)}`);
    case "invalid_value": {
      const values = issue.values.map(String);
      const list = values.map((value) => `"${value}"`).join(", ");
      if (issue.input === undefined) return one(`"${String(name)}" is missing (expected one of ${list})`);
      return one(
        `expected one of ${list}, found ${found(issue.input)}${typeof issue.input === "string" ? didYouMean(issue.input, values) : ""}`,
      );
    }
    case "invalid_key":
      return issue.issues.flatMap((inner) => one(inner.message, true));
    case "invalid_union":
      return ofUnion(issue, schema);
    case "custom":
      return [
        {
          path,
          message: issue.message,
          ...(issue.params?.["secret"] === true ? { secret: true } : {}),
          ...(issue.params?.["atKey"] === true ? { atKey: true } : {}),
        },
      ];
    default:
      return one(lowerFirst(issue.message));
  }
}

/**
 * Of several forms, the one that was meant is the one of the kind that was written: its issues are told. Where there
 * is no such form, all kinds that may stand there are.
 */
function ofUnion(issue: z.core.$ZodIssueInvalidUnion, schema: z.ZodType): SettingsIssue[] {
  const path = issue.path.filter((step) => typeof step !== "symbol");
  const meant = issue.errors.find((errors) => errors.length > 0 && !errors.some(isOfAnotherKind));
  if (meant) return meant.flatMap((inner) => describe({ ...inner, path: [...path, ...inner.path] }, schema));
  const others = issue.errors.flat().filter(isOfAnotherKind);
  const kinds = others.map(kindOf);
  const words = others.flatMap((other) => (other.code === "invalid_value" ? other.values.map(String) : []));
  // YAML's null, where the word was meant.
  const quotes = issue.input === null && words.includes("null") ? `; did you mean "null", with quotes?` : "";
  const nearest = typeof issue.input === "string" ? didYouMean(issue.input, words) : quotes;
  const expected = [...new Set(kinds)].join(" or ") || "another form";
  const message =
    issue.input === undefined
      ? `"${String(path.at(-1))}" is missing (expected ${expected})`
      : `expected ${expected}, found ${found(issue.input)}${nearest}`;
  return [{ path, message }];
}

function isOfAnotherKind({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "invalid_value");
}

function kindOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return article(issue.expected);
  return issue.code === "invalid_value" ? issue.values.map((value) => `"${String(value)}"`).join(" or ") : "";
}

function found(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a map of keys";
  const text = JSON.stringify(input);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function article(type: string): string {
  switch (type) {
    case "object":
    case "record":
      return "a map of keys";
    case "array":
      return "a list";
    case "int":
      return "a whole number";
    default:
      return `a ${type}`;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The keys that the schema knows at a path, through the wrappers that a schema may be built of. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const inner = unwrap(schema);
  const [step, ...rest] = path;
  if (inner instanceof z.core.$ZodUnion) {
    return inner._zod.def.options.flatMap((option: z.core.$ZodType) => keysAt(option, path));
  }
  if (inner instanceof z.core.$ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = inner._zod.def.shape;
    if (step === undefined) return Object.keys(shape);
    const next = shape[step];
    return next ? keysAt(next, rest) : [];
  }
  if (step === undefined) return [];
  if (inner instanceof z.core.$ZodRecord) return keysAt(inner._zod.def.valueType, rest);
  if (inner instanceof z.core.$ZodArray) return keysAt(inner._zod.def.element, rest);
  return [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.core.$ZodPipe) return unwrap(schema._zod.def.in);
  if (
    schema instanceof z.core.$ZodOptional ||
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodReadonly
  ) {
    return unwrap(schema._zod.def.innerType);
  }
  return schema;
}
