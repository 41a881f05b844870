import pytest
pytestmark = pytest.mark.django_db
def test_x(as_admin):
    as_admin.raise_request_exception=False
    b = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"y"*3_000_000 + b'\r\n--x--\r\n'
    r = as_admin.generic("POST","/api/products/", b, content_type="multipart/form-data; boundary=x"); print(r.status_code, r.content)
    b = b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n' + b"y"*3_000_000 + b'\r\n--x--\r\n'
    r = as_admin.generic("POST","/api/products/", b, content_type="multipart/form-data; boundary=x"); print(r.status_code, r.content)
    b = b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n' + b"y"*30 + b'\r\n' 
    b = b*200 + b'--x--\r\n'
    r = as_admin.generic("POST","/api/products/", b, content_type="multipart/form-data; boundary=x"); print(r.status_code, r.content)
    b = b'--x\r\nContent-Disposition: form-data; name="name"\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%%\r\n--x--\r\n' 
    r = as_admin.generic("POST","/api/products/", b, content_type="multipart/form-data; boundary=x"); print(r.status_code, r.content)
    b = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nab\xff\xfe\r\n--x--\r\n' 
    for c in ["utf-16", "nonsense", "utf-7", "rot13", "zlib", "idna", "punycode", "unicode_escape"]:
        r = as_admin.generic("POST","/api/products/", b, content_type="multipart/form-data; boundary=x; charset="+c); print(c, r.status_code, r.content[:100])
    for c in ["multipart/form-data; boundary="+"x"*300, "multipart/form-data; boundary*=utf-8''x", "multipart/form-data; boundary=\"\xff\"", "multipart/form-data; boundary="]:
        r = as_admin.generic("POST","/api/products/", b, content_type=c); print(c[:50], r.status_code, r.content[:100])
    for c in ["application/json; charset=nonsense", "application/json; charset=utf-16"]:
        r = as_admin.generic("POST","/api/products/", b"{}", content_type=c); print(c[:50], r.status_code, r.content[:100])
    from django.test import Client
    for p in ["/admin/login/", "/swagger.json?x=%FF", "/healthz/", "/media/%FF", "/media/../x", "/readyz/"]:
        for m in ["POST","GET"]:
            c = Client(raise_request_exception=False)
            r = c.generic(m, p, b, content_type="multipart/form-data; boundary=x; charset=nonsense"); print(m, p, r.status_code)
    assert 0
