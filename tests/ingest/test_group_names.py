"""What names are without ids, addresses and generated parts."""

import pytest

from exporter.ingest.group_frames import is_own
from exporter.ingest.group_names import function_name, qualified_name, simple_name
from exporter.ingest.group_place import place
from exporter.ingest.values import Frame


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("KeyError", "KeyError"),
        ("shop.errors.PaymentError", "PaymentError"),
        ("java.lang.NullPointerException", "NullPointerException"),
        ("com.acme.Outer$Inner", "Inner"),
        ("App\\Errors\\Refused", "Refused"),
        ("std::runtime_error", "runtime_error"),
        ("*errors.errorString", "errorString"),
        ("System.KeyNotFoundException`1[System.String]", "KeyNotFoundException"),
        ("Foo$$EnhancerBySpringCGLIB$$a1b2", "Foo"),
        ("React ErrorBoundary Error", "React ErrorBoundary Error"),
        ("Error: no such file: x", "Error"),
        ("Http404", "Http404"),
        ("Error4711", "Error*"),
        ("E_12", "E_*"),
        ("", ""),
    ],
)
def test_a_class_is_called_by_its_own_name(type_: str, name: str) -> None:
    assert simple_name(type_) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("checkout", "checkout"),
        ("<lambda>", "?"),
        ("", "?"),
        ("Object.<anonymous>", "Object.?"),
        ("{closure}", "?"),
        ("{closure:App\\Foo::bar():12}", "?"),
        ("App\\Foo->bar()", "App\\Foo::bar"),
        ("lambda$main$0", "lambda$main$*"),
        ("Foo$$Lambda$14/0x0000000800c03000.apply", "Foo"),
        ("Foo_$$_jvst2a3_0", "Foo"),
        ("$Proxy12.charge", "$Proxy*.charge"),
        ("GeneratedMethodAccessor47", "GeneratedMethodAccessor*"),
        ("async Foo.bar", "Foo.bar"),
        ("new Foo", "Foo"),
        ("foo [as bar]", "foo"),
        ("foo.constprop.0.isra.2", "foo"),
        ("foo [clone .cold]", "foo"),
        ("shop::charge::h0123456789abcdef", "shop::charge"),
        ("std::vector<int>::at(unsigned long)", "std::vector<int>::at"),
        ("main.(*Server).Do.func1", "main.(*Server).Do.func*"),
        ("<RunAsync>d__12", "<RunAsync>d__*"),
        ("task_8a6e0804-2bd0-4672-b79d-d97027f9071a", "task_*"),
        ("fn_0x7f3a", "fn_*"),
    ],
)
def test_a_function_is_called_the_same_in_every_run(name: str, expected: str) -> None:
    assert function_name(name) == expected


@pytest.mark.parametrize(
    ("module", "filename", "expected"),
    [
        ("shop.orders.views", "shop/orders/views.py", "orders.views"),
        ("", "/srv/app/shop/orders/views.py", "orders.views"),
        ("", "/home/joe/code/shop/orders/views.py", "orders.views"),
        ("", "/var/www/releases/20261122/shop/orders/views.py", "orders.views"),
        ("shop.orders.views", "", "orders.views"),
        ("app.main", "app/main.py", "app.main"),
        ("", "/code/app/main.py", "app.main"),
        ("", "/app/app/main.py", "app.main"),
        ("", "/srv/shop/src/main.py", "main"),
        ("", "/srv/shop/src/orders/views.py", "orders.views"),
        ("", "/opt/shop/data/load.py", "data.load"),
        ("data.load", "data/load.py", "data.load"),
        ("server.views", "", "server.views"),
        ("__main__", "app.py", "app"),
        ("", "/app/app.py", "app"),
        ("shop", "shop/__init__.py", "shop"),
        ("com.acme.shop.Cart", "Cart.java", "shop.Cart"),
        ("Acme.Cart, Version=1.0.0.0, Culture=neutral", "", "Acme.Cart"),
        ("", "C:\\Users\\joe\\shop\\Cart.cs", "shop.Cart"),
        ("", "https://shop.example/static/js/main.3f9a1c02.chunk.js?v=7", "main"),
        ("", "https://cdn.example/assets/index-BhXakdPa.js", "index"),
        ("", "https://cdn.example/assets/OrderForm.js", "OrderForm"),
        ("", "app.3f9a1c.js", "app"),
        ("", "my.module1.js", "my.module*"),
        ("", "login.OAuth2Client.js", "login.OAuth*Client"),
        ("", "webpack:///./src/orders/Cart.vue?3f2a", "orders.Cart"),
        ("", "webpack-internal:///(app-pages-browser)/./src/cart.tsx", "cart"),
        ("", "app:///dist/main.js", "main"),
        ("", "package:shop/cart.dart", "shop.cart"),
        ("shop.migrations.0012_more", "", "migrations.*_more"),
        ("", "", ""),
    ],
)
def test_a_place_is_the_same_on_every_machine_and_in_every_build(module: str, filename: str, expected: str) -> None:
    assert place(module, filename) == expected


def test_a_class_is_named_with_its_package() -> None:
    assert qualified_name("PaymentError", "shop.errors") == "shop.errors.PaymentError"
    assert qualified_name("KeyError", "builtins") == "KeyError"
    assert qualified_name("shop.errors.PaymentError", "shop.errors") == "shop.errors.PaymentError"


@pytest.mark.parametrize(
    "frame",
    [
        Frame("", "get", "/usr/lib/python3.11/socket.py"),
        Frame("", "get", "/srv/app/.venv/lib/python3.11/site-packages/requests/api.py"),
        Frame("", "get", "/srv/app/node_modules/express/lib/router.js"),
        Frame("", "get", "C:\\app\\node_modules\\express\\index.js"),
        Frame("", "get", "/srv/app/vendor/symfony/http-kernel/HttpKernel.php"),
        Frame("", "get", "/go/pkg/mod/github.com/gin-gonic/gin/context.go"),
        Frame("", "get", "node:internal/process/task_queues"),
        Frame("", "get", "<frozen importlib._bootstrap>"),
        Frame("", "get", "chrome-extension://abc/x.js"),
        Frame("java.util.HashMap", "get", "HashMap.java"),
        Frame("org.springframework.web.servlet.DispatcherServlet", "get", "DispatcherServlet.java"),
        Frame("System.Linq.Enumerable", "First"),
        Frame("django.core.handlers.base", "inner"),
    ],
)
def test_libraries_and_runtimes_are_known_where_the_sdk_says_nothing(frame: Frame) -> None:
    assert not is_own(frame)


@pytest.mark.parametrize(
    "frame",
    [
        Frame("django.core", "get", "django/core.py", in_app=True),
        Frame("", "get", "/srv/app/shop/views.py"),
        Frame("", "get", "https://shop.example/main.js"),
        Frame("com.acme.Cart", "get", "Cart.java"),
        Frame("json", "get", "/srv/app/json/orders.py"),
        Frame("", "get"),
    ],
)
def test_what_is_no_library_is_the_applications_own(frame: Frame) -> None:
    assert is_own(frame)
