"""The repositories by name: main languages, and the licence of what was read."""

LICENCES = {
    # Learned from.
    "caddyserver/caddy": ("Go", "Apache-2.0"), "celery/celery": ("Python", "BSD-3-Clause"),
    "curl/curl": ("C", "curl"), "expressjs/express": ("JavaScript", "MIT"), "gohugoio/hugo": ("Go", "Apache-2.0"),
    "netty/netty": ("Java", "Apache-2.0"), "pallets/flask": ("Python", "BSD-3-Clause"),
    "prettier/prettier": ("JavaScript", "MIT"), "prometheus/prometheus": ("Go, TypeScript", "Apache-2.0"),
    "rails/rails": ("Ruby", "MIT"), "redis/redis": ("C", "RSALv2 or SSPLv1, before 2024 BSD-3-Clause"),
    "saleor/saleor": ("Python", "BSD-3-Clause"), "scrapy/scrapy": ("Python", "BSD-3-Clause"),
    "square/okhttp": ("Kotlin, Java", "Apache-2.0"), "webpack/webpack": ("JavaScript", "MIT"),
    # Never learned from.
    "BurntSushi/ripgrep": ("Rust", "MIT or Unlicense"), "etcd-io/etcd": ("Go", "Apache-2.0"),
    "laravel/framework": ("PHP", "MIT"), "nginx/nginx": ("C", "BSD-2-Clause"), "nodejs/undici": ("JavaScript", "MIT"),
    "paperless-ngx/paperless-ngx": ("Python, TypeScript", "GPL-3.0"), "psf/requests": ("Python", "Apache-2.0"),
    "sinatra/sinatra": ("Ruby", "MIT"), "vuejs/core": ("TypeScript", "MIT"),
}  # fmt: skip
