"""The list of orders as plain server pages, for comparison: Django, django-tables2 and django-filter on the portal's own rows.

It runs in a separate environment: `gunicorn orders:application` serves it, and `python orders.py EMAIL` signs a person in and prints the
session key. `PEER_ROWS` is the portal's database, `PEER_OWN` the file for Django's users and sessions.
"""

# ruff: noqa: E402 Django's models can be imported only once its settings are there

import os
import sys
from datetime import date

import django
from django.conf import settings

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orders</title><style>body{font:15px/1.4 sans-serif;margin:1rem}main{overflow-x:auto}table{border-collapse:collapse}
td,th{padding:.4rem .8rem;text-align:left;border-bottom:1px solid #ccd}.orderable a{color:inherit}
.pagination{display:flex;gap:.5rem;list-style:none;padding:0}</style></head><body>
<header><b>Orders</b> {{ request.user.email }}</header><main>"""
LIST = HEAD + (
    """{% load render_table from django_tables2 %}<form>{{ filter.form.as_p }}<button>Search</button></form>{% render_table table %}"""
    """</main></body></html>"""
)
DETAILS = HEAD + (
    """<h1>Order {{ order.number }}</h1><p>{{ order.start_on }} to {{ order.end_on }}</p><table>{% for line in order.lines.all %}<tr>"""
    """<td>{{ line.quantity }}</td><td>{{ line.description_en }}</td><td>{{ line.amount }}</td></tr>{% endfor %}</table>"""
    """<p>{{ order.total }}</p><a href="/orders">Back</a></main></body></html>"""
)

settings.configure(
    SECRET_KEY="of a benchmark on this machine",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="orders",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.forms",
        "django_filters",
        "django_tables2",
    ],
    MIDDLEWARE=[
        "django.middleware.gzip.GZipMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PEER_OWN"], "CONN_MAX_AGE": None},
        "rows": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PEER_ROWS"], "CONN_MAX_AGE": None},
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"],
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [
                            ("django.template.loaders.locmem.Loader", {"list.html": LIST, "details.html": DETAILS}),
                            "django.template.loaders.app_directories.Loader",
                        ],
                    )
                ],
            },
        }
    ],
    LOGIN_URL="/login",
    USE_TZ=True,
)
django.setup()

import django_filters as filters
import django_tables2 as tables
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.html import format_html


class Membership(models.Model):
    """The account a person belongs to."""

    person = models.OneToOneField("Person", models.DO_NOTHING, primary_key=True)
    account_id = models.IntegerField()

    class Meta:
        app_label, db_table, managed = "orders", "membership", False


class Person(models.Model):
    """A person of the portal."""

    email_key = models.CharField(max_length=254)

    class Meta:
        app_label, db_table, managed = "orders", "person", False


class Order(models.Model):
    """An order of the portal."""

    account_id = models.IntegerField()
    number = models.CharField("#", max_length=20)
    number_order = models.BigIntegerField()
    start_on = models.DateField("Start date")
    end_on = models.DateField("End date")
    total = models.BigIntegerField()
    search = models.TextField()

    class Meta:
        app_label, db_table, managed = "orders", "orders", False


class OrderLine(models.Model):
    """A line of an order."""

    order = models.ForeignKey(Order, models.DO_NOTHING, related_name="lines")
    position = models.IntegerField()
    quantity = models.IntegerField()
    description_en = models.CharField(max_length=300)
    amount = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed, ordering = "orders", "order_line", False, ("position",)


class OrderTable(tables.Table):
    """The columns of the portal's list."""

    number = tables.Column(order_by="number_order")
    progress = tables.Column(empty_values=(), orderable=False)
    agreement = tables.Column(empty_values=(), orderable=False)
    details = tables.Column(empty_values=(), orderable=False)

    class Meta:
        model, fields, order_by = Order, ("number", "start_on", "end_on"), "-start_on"

    def render_progress(self, record: Order) -> str:
        """Return how much of the agreement has elapsed, in percent."""
        whole = (record.end_on - record.start_on).days + 1
        return f"{max(0, min(100, 100 * (date.today() - record.start_on).days // whole))} %"  # noqa: DTZ011

    def render_agreement(self, record: Order) -> str:
        """Return the lines of the order."""
        return ", ".join(f"{line.quantity} X {line.description_en}" for line in record.lines.all())

    def render_details(self, record: Order) -> str:
        """Return a link to the order's page."""
        return format_html('<a href="/orders/{}">Details</a>', record.number)


class OrderFilter(filters.FilterSet):
    """The search of the portal's list."""

    q = filters.CharFilter(field_name="search", lookup_expr="icontains", label="Search")


def _own(request):
    account = Membership.objects.using("rows").get(person__email_key=request.user.email).account_id
    return Order.objects.using("rows").filter(account_id=account).prefetch_related("lines")


@login_required
def orders(request):
    """Answer with the list, searched, sorted and paged by its address."""
    found = OrderFilter(request.GET, queryset=_own(request))
    table = OrderTable(found.qs)
    tables.RequestConfig(request, paginate={"per_page": 10}).configure(table)
    return render(request, "list.html", {"table": table, "filter": found})


@login_required
def details(request, number):
    """Answer with the page of one order."""
    return render(request, "details.html", {"order": get_object_or_404(_own(request), number=number)})


urlpatterns = [path("orders", orders), path("orders/<str:number>", details)]
application = get_wsgi_application()


def sign_in(email: str) -> None:
    """Create Django's own tables and a session of a person, and print the session key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user, _ = User.objects.get_or_create(username=email, email=email)
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.create()
    sys.stdout.write(f"{session.session_key}\n")


if __name__ == "__main__":
    sign_in(sys.argv[1])
