/**
 * For each detector values that it finds, and look-alikes that it leaves. All are made up or published as examples.
 * Tokens are put together here, so that nobody's search for lost secrets takes this file for one.
 */
export interface Samples {
  readonly found: readonly string[];
  readonly left: readonly string[];
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const letters = (count: number) => alphabet.repeat(1 + Math.floor(count / 62)).slice(7, 7 + count);
const [live, test, services] = ["live", "test", "services"];
const pem = (label: string, line = "\n") =>
  [`-----BEGIN ${label}-----`, letters(64), `${letters(46)}==`, `-----END ${label}-----`].join(line);

export const samples: Readonly<Record<string, Samples>> = {
  "secret.private_key": {
    found: [
      pem("PRIVATE KEY"),
      pem("RSA PRIVATE KEY"),
      pem("OPENSSH PRIVATE KEY"),
      pem("ENCRYPTED PRIVATE KEY"),
      pem("EC PRIVATE KEY", "\r\n"),
      pem("PRIVATE KEY", "\\n"),
      pem("PRIVATE KEY", " "),
      pem("PGP PRIVATE KEY BLOCK"),
      pem("RSA PRIVATE KEY").replace(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
      ),
      `-----BEGIN PRIVATE KEY-----\n${`${letters(62)}\n`.repeat(200)}-----END PRIVATE KEY-----`,
    ],
    left: [
      pem("PUBLIC KEY"),
      pem("CERTIFICATE"),
      "the file begins with -----BEGIN PRIVATE KEY----- in its first line",
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
    ],
  },
  "secret.jwt": {
    found: [
      `${base64({ alg: "RS256", typ: "JWT" })}.${base64({ sub: "ada" })}.${letters(86)}`,
      `${base64({ typ: "JWT", alg: "none" })}.${base64({ sub: "ada" })}.`,
      `${base64({ alg: "RS256" })}.${base64({ sub: "ada" })}`,
      `${base64({ alg: "RSA-OAEP", enc: "A256GCM" })}.${letters(300)}.${letters(16)}.${letters(400)}.${letters(22)}`,
      `${base64({ alg: "RS256", x5c: [letters(2000)] })}.${base64({ sub: "a".repeat(5000) })}.${letters(86)}`,
    ],
    left: [
      base64({ alg: "RS256", typ: "JWT" }),
      `${base64({ sub: "ada" })}.${base64({ sub: "ada" })}.${letters(86)}`,
      `eyJhbGciOiJ.txt`,
      `eyJust.a.name_in.some_code`,
    ],
  },
  "secret.aws_key": {
    found: [
      ["AKIA", "IOSFODNN7EXAMPLE"].join(""),
      ["ASIA", "QWERTYUIOPASDFGH"].join(""),
      `aws_secret_access_key = ${letters(40)}`,
      `"SecretAccessKey": "${letters(38)}/+"`,
      `AWS_SECRET_KEY=${letters(40)}`,
    ],
    left: [
      "AKIAIOSFODNN7EXAMPL",
      "AKIAIOSFODNN7EXAMPLES",
      "akiaiosfodnn7example",
      letters(40),
      `secret_access_key = ${letters(41)}`,
      "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
  },
  "secret.github_token": {
    found: [
      `ghp_${letters(36)}`,
      `ghs_${letters(36)}`,
      `ghs_${letters(520)}`,
      `gho_${letters(80)}`,
      `github_pat_${letters(22)}_${letters(59)}`,
    ],
    left: [`ghp_${letters(20)}`, `ghx_${letters(36)}`, "github_pat_short", `eghp_${letters(36)}`],
  },
  "secret.slack_token": {
    found: [
      ["xoxb", "123456789012", "123456789012", letters(24)].join("-"),
      ["xoxe.xoxp", "1", letters(40)].join("-"),
      ["xapp", "1", "A0123456789", "1234567890", letters(24)].join("-"),
      `https://hooks.slack.com/${services}/T00000000/B00000000/${letters(24)}`,
    ],
    left: ["xoxb-", "xox-123456789012-1234", "https://hooks.slack.com/docs", "foxob-123456789012-1234"],
  },
  "secret.stripe_key": {
    found: [`sk_${live}_${letters(24)}`, `rk_${test}_${letters(99)}`, `whsec_${letters(32)}`],
    left: [`pk_${live}_${letters(24)}`, "sk_live_short", `task_${live}_${letters(24)}`],
  },
  "secret.google_key": {
    found: [`AIza${letters(35)}`, `GOCSPX-${letters(28)}`, `ya29.${letters(120)}`],
    left: [`AIza${letters(30)}`, `GOCSPX-${letters(10)}`, "ya29.short", "123-abc.apps.googleusercontent.com"],
  },
  "secret.azure_key": {
    found: [
      `${letters(86)}==`,
      `abc8Q~${letters(34)}`,
      `https://x.blob.core.windows.net/c/f?sv=2024-01-01&sig=${letters(43)}%3D`,
    ],
    left: [
      `${letters(85)}==`,
      `${letters(90)}==`,
      "abc8Q~short",
      "https://example.com/?sig=short",
      letters(88),
    ],
  },
  "secret.openai_key": {
    found: [`sk-${letters(48)}`, `sk-proj-${letters(60)}`, `sk-ant-api03-${letters(80)}`],
    left: ["sk-circle-fade-dot-and-more-words", `sk-${letters(10)}`, `task-${letters(48)}`],
  },
  "secret.connection_string": {
    found: [
      "postgres://gatehouse:hunter2@db.internal:5432/orders",
      "postgresql+asyncpg://u:p%40ss@[::1]/orders?sslmode=require",
      "mongodb+srv://u:p@ss@cluster.example.com/",
      "redis://:hunter2@localhost:6379",
      "https://ada:hunter2@example.com/",
      "host=db.internal user=ada password=hunter2",
      "host=db.internal password='hunter 2' user=ada",
      "Server=db;Database=orders;User Id=sa;Password=hunter 2;Encrypt=true",
      "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=aHVudGVyMg==;EndpointSuffix=core.windows.net",
      'Driver={PostgreSQL};Server=db;Uid=ada;Pwd="hunter2";',
      "Driver={PostgreSQL};Server=db;Pwd={hunter;2};Uid=ada",
      "postgres://u:$hunter@db/orders",
      "postgres://db/orders?user=ada&password=hunter2&sslmode=require",
      "DB_PASSWORD=hunter2,hunter3;hunter4'hunter5",
      `postgres://u:${"hunter".repeat(400)}@db/orders`,
      `host=db password=${"hunter".repeat(400)} user=ada`,
    ],
    left: [
      "postgres://db.internal:5432/orders",
      "postgres://gatehouse@db.internal/orders",
      "http://localhost:8080/users/@ada",
      "http://localhost:8080/logo@2x.png",
      "password=$1",
      `password=\${DB_PASSWORD}`,
      "password=%s",
      "password=%(password)s",
      "PWD=/home/ada",
      "passwords = 3",
      "the password is asked for",
    ],
  },
  "pii.email": {
    found: [
      "ada@example.com",
      "ada.lovelace+news@mail.example.co.uk",
      "o'brien@example.ie",
      "jürgen@exämple.de",
      "用户@例子.中国",
      "a@b.co",
      '"ada lovelace"@example.com',
      "ada@example.xn--p1ai",
    ],
    left: [
      "ada@example",
      "@example.com",
      "ada@",
      "npm i pkg@1.2.3",
      "logo@2x.png",
      "ada at example.com",
      "a@b.c",
    ],
  },
  "pii.phone": {
    found: [
      "+49 30 1234567",
      "+1-555-007-0049",
      "+1 (555) 123-4567",
      "+4915112345678",
      "0049 30 1234567",
      "(555) 223-4567",
      "555-223-4567",
      "555.223.4567",
      "030 12345678",
      "06 12 34 56 78",
      "020 7946 0958",
      "(030) 123456-78",
    ],
    left: [
      "2024-01-01 00:37:00+00",
      "01.02.2024 10",
      "12+34567890",
      "+123",
      "0123456789",
      "5552234567",
      "155-123-4567",
      "192.168.100.200",
      "550e8400-e29b-41d4-a716-446655440000",
    ],
  },
  "pii.card": {
    found: [
      "4111111111111111",
      "4111 1111 1111 1111",
      "4111-1111-1111-1111",
      "4222222222222",
      "5555555555554444",
      "2223003122003222",
      "378282246310005",
      "3782 822463 10005",
      "6011111111111117",
      "3530111333300000",
      "30569309025904",
      "6759649826438453",
    ],
    left: [
      "4111111111111112",
      "4111 1111 1111 1112",
      "1111111111111117",
      "41111111111111111111",
      "x4111111111111111",
      "1732190400000",
      "4111 11111111 1111",
      "0000000000000000",
    ],
  },
  "pii.iban": {
    found: [
      "DE89370400440532013000",
      "DE89 3704 0044 0532 0130 00",
      "de89 3704 0044 0532 0130 00",
      "GB82-WEST-1234-5698-7654-32",
      "FR14 2004 1010 0505 0001 3M02 606",
      "NO93 8601 1117 947",
      "MT84MALT011000012345MTLCAST001S",
      "NL91ABNA0417164300",
    ],
    left: [
      "DE88370400440532013000",
      "DE8937040044053201300",
      "DE893704004405320130000",
      "XX89370400440532013000",
      "DE89 3704",
      "ab12cd34ef56",
    ],
  },
  "pii.us_ssn": {
    found: ["123-45-6789", "078-05-1120", "123 45 6789"],
    left: [
      "000-45-6789",
      "666-45-6789",
      "912-45-6789",
      "123-00-6789",
      "123-45-0000",
      "123456789",
      "1123-45-6789",
    ],
  },
  "pii.de_steuer_id": {
    found: ["86095742719", "47036892816", "65929970489", "86 095 742 719"],
    left: ["86095742718", "06095742719", "12345678903", "8609574271", "860957427190"],
  },
  "pii.fr_insee": {
    found: ["184127645108946", "1 84 12 76 451 089 46", "255081416802538"],
    left: ["184127645108947", "984127645108946", "184137645108946", "18412764510894"],
  },
  "pii.es_dni": {
    found: ["12345678Z", "12345678-z", "X1234567L", "x-1234567-l"],
    left: ["12345678A", "X1234567A", "1234567Z", "W1234567L"],
  },
  "pii.it_codice_fiscale": {
    found: ["RSSMRA85T10A562S", "rssmra85t10a562s", "MRTMTT91D08F205J"],
    left: ["RSSMRA85T10A562A", "RSSMRA85X10A562S", "RSSMRA85T10A562"],
  },
  "pii.nl_bsn": {
    found: ["111222333", "123456782", "1112.22.333"],
    left: ["111222334", "000000000", "11122233", "1112223330"],
  },
  "pii.uk_nino": {
    found: ["AB123456C", "AB 12 34 56 C", "ab123456c"],
    left: ["QQ123456C", "GB123456C", "AB123456E", "AB12345C", "AO123456C"],
  },
  "pii.br_cpf": {
    found: ["111.444.777-35", "52998224725", "529982247-25"],
    left: ["111.444.777-36", "11111111111", "52998224726", "529982247251"],
  },
};
