"""What attackers type: markup, queries, addresses."""

XSS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'><iframe srcdoc='<script>alert(1)</script>'>",
    "</title><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "<a href=\"javascript:alert(1)\">x</a>",
    "--><script>alert(1)</script><!--",
    "<!--slot:rows--><b>x</b><!--/slot:rows-->",
    "{{7*7}}${7*7}{0.__class__}%(x)s",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mtext></table><style><img src=x onerror=alert(1)>",
    "\u202e<b>\u2028\u2029",
    "<template><script>alert(1)</script></template>",
    "x\" style=\"position:fixed;inset:0",
)
SQL = (
    "' OR 1=1 --",
    "'; DROP TABLE orders; --",
    "\" OR \"\"=\"",
    "1 UNION SELECT hash, person_id FROM browser_session",
    "%' OR '%'='",
    "\\",
    "%%%",
    "____",
    "(a+)+$" * 16,
    "1); DELETE FROM invoice; --",
    "\x00",
    "-start; select 1",
    "number desc, (select password from person)",
)
ELSEWHERE = (
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "javascript:alert(1)", "data:text/html,x",
    "/%2f%2fevil.example", "/%5cevil.example", "\t//evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example", "/..//evil.example", "http:/\\evil.example", "//evil.example/%2e%2e",
    "/en/login?next=//evil.example", "@evil.example", ".evil.example", "/en/orders\r\nSet-Cookie: a=b", "//localhost@evil.example", "/%252f%252fevil.example", "x" * 5000,
)  # fmt: skip
