"""Addresses of the people's room that are no viewset."""

from django.urls import path

from apps.users import views

urlpatterns = [
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/logoutall/", views.LogoutAllView.as_view(), name="logoutall"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    path("auth/password/", views.PasswordView.as_view(), name="password"),
    path("auth/register/", views.RegisterView.as_view(), name="register"),
]
