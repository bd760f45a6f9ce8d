// The type-aware rules, which biome does not have. Formatting and the plain rules are biome's.
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/node_modules/", "**/.tap/", "**/.turbo/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    // A permit is enforcement's to issue: whoever else could make one could skip the policy and the audit log.
    files: ["**/src/**/*.ts"],
    ignores: ["packages/gateway/src/enforcement.ts", "packages/core/src/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        { paths: [{ name: "@gatehouse/core/permit", message: "Only enforcement issues permits." }] },
      ],
    },
  },
  {
    // tap's assertions and subtests may stand unawaited where they are synchronous.
    files: ["**/test/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off", "@typescript-eslint/require-await": "off" },
  },
);
